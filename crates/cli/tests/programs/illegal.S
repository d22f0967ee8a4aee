/* OP_ILLEGAL: executes instruction a of illegal.h with a pattern in every register and the carry set. Returns
 * the set of registers that are different behind it; bit 16 is the carry.
 *
 * OP_SELECTORS: loads DS, ES and FS with a, which is no selector of theirs outside, and leaves: by an exception if
 * b is not 0. */
#include "illegal.h"

    .macro slot insn:vararg
    .balign ILLEGAL_SLOT
881:
    \insn
882:
    .byte   0xe9                        /* jmp, of one length everywhere */
    .long   illegal_after - . - 4
    .skip   ILLEGAL_SLOT - 1 - (. - 881b)
    .byte   882b - 881b
    .endm

illegal_:
    mov     %rsp, %gs:32
    mov     %rdi, %gs:48
    mov     %r11, %gs:56
    mov     %rbp, %gs:64
    mov     %r12, %gs:72
    mov     %r13, %gs:80
    mov     %r14, %gs:88
    mov     %r15, %gs:96
    lea     illegal_first(%rip), %rax
    imul    $ILLEGAL_SLOT, %rsi, %rsi
    add     %rsi, %rax
    mov     %rax, %gs:104
    .set i, 0
    .irp reg, rax, rcx, rdx, rbx, rsp, rbp, rsi, rdi, r8, r9, r10, r11, r12, r13, r14, r15
    movabs  $(ILLEGAL_SEED + i * ILLEGAL_STEP), %\reg
    .set i, i + 1
    .endr
    stc
    jmp     *%gs:104

illegal_after:
    mov     %rax, %gs:256
    setc    %gs:384
    .set i, 1
    .irp reg, rcx, rdx, rbx, rsp, rbp, rsi, rdi, r8, r9, r10, r11, r12, r13, r14, r15
    mov     %\reg, %gs:(256 + i * 8)
    .set i, i + 1
    .endr
    movzbl  %gs:384, %eax
    xor     $1, %eax
    shl     $16, %eax
    .set i, 0
    .rept 16
    movabs  $(ILLEGAL_SEED + i * ILLEGAL_STEP), %rcx
    xor     %edx, %edx
    cmp     %rcx, %gs:(256 + i * 8)
    setne   %dl
    shl     $i, %edx
    or      %edx, %eax
    .set i, i + 1
    .endr
    mov     %gs:32, %rsp
    mov     %gs:48, %rdi
    mov     %gs:56, %r11
    mov     %gs:64, %rbp
    mov     %gs:72, %r12
    mov     %gs:80, %r13
    mov     %gs:88, %r14
    mov     %gs:96, %r15
    jmp     leave

selectors:
    mov     %esi, %ds
    mov     %esi, %es
    mov     %esi, %fs
    xor     %eax, %eax
    test    %rdx, %rdx
    jz      leave
    ud2

    .org    ILLEGAL + ILLEGAL_CODE
illegal_first:
#define CASE(outcome, changes, ...) slot __VA_ARGS__ ;
    ILLEGAL_LIST(CASE)
#undef CASE

/* A processor's agent: waits for the doorbell of its block, loads every register, executes one instruction, stores every
 * register. It stands outside and, at other places, in each enclave: EENTER comes to its first byte, as the
 * program does after EEXIT. All that differs is WHERE, which is written into the copies.
 *
 * BLOCK is the address of the block. Nothing but the tested instruction changes a register or a flag between the
 * loads and the stores. */
#include "conform.h"

    .macro each_but_rax_rsp do
    \do rcx, 1
    \do rdx, 2
    \do rbx, 3
    \do rbp, 5
    \do rsi, 6
    \do rdi, 7
    .irp n, 8, 9, 10, 11, 12, 13, 14, 15
    \do r\n, \n
    .endr
    .endm
    .macro load reg, number
    mov     BLOCK + IN + \number * 8, %\reg
    .endm
    .macro store reg, number
    mov     %\reg, BLOCK + OUT + \number * 8
    .endm

    .section .agent, "ax"
entry:
    movl    $1, BLOCK + VIA
    jmp     save

    .org    0x40
wait:
    cmpl    $0, BLOCK + WHERE
    jne     spin                    /* no system calls inside */
    mov     $SYS_FUTEX, %eax
    mov     $(BLOCK + DOORBELL), %edi
    xor     %esi, %esi              /* FUTEX_WAIT, while it is 0 */
    xor     %edx, %edx
    xor     %r10d, %r10d
    syscall
spin:
    pause
    cmpl    $0, BLOCK + DOORBELL
    je      spin
    movl    $0, BLOCK + DOORBELL
    cmpl    $0, BLOCK + WHERE       /* outside they are the thread's own */
    je      1f
    mov     BLOCK + IN_BASES, %rax
    wrfsbase %rax
    mov     BLOCK + IN_BASES + 8, %rax
    wrgsbase %rax
1:  mov     $7, %eax
    xor     %edx, %edx
    xrstor64 BLOCK + XIN
    mov     $(BLOCK + STACK), %esp
    pushq   BLOCK + IN_RFLAGS
    popfq
    load    rax, 0
    each_but_rax_rsp load
    load    rsp, 4
    jmp     site

    .org    0x200
site:                               /* the instruction is written here, 16 bytes */
    .fill   16, 1, 0x90
    movl    $2, BLOCK + VIA
save:
    store   rax, 0
    each_but_rax_rsp store
    store   rsp, 4
    mov     $(BLOCK + STACK), %esp
    pushfq
    popq    BLOCK + OUT_RFLAGS
    rdfsbase %rax
    mov     %rax, BLOCK + OUT_BASES
    rdgsbase %rax
    mov     %rax, BLOCK + OUT_BASES + 8
    mov     $7, %eax
    xor     %edx, %edx
    xsave64 BLOCK + XOUT
    jmp     mark

    .org    0x400
mark:
    movl    $0, BLOCK + WHERE       /* the number at byte 407H */
    movl    $BY_AGENT, BLOCK + DONE
    jmp     wait

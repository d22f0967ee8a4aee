/* The enclave of the supervised tests. With THREADS threads: three, with OP_ILLEGAL and OP_SELECTORS, or eight, with
 * OP_COMPUTE.
 *
 * Everything is in one section without relocations, page by page as it lies in the enclave. The
 * section .layout says which pages there are: offset, number, SECINFO flags, measured or not.
 * enclave.h has the same offsets and the numbers of the functions for C.
 *
 * On entry rdi points to a struct op outside:
 *   0 function, 8 a, 16 b, 24 c, 32 d, 40 result, 48 regs[16]
 * The code uses no stack: after an AEX the kernel may write below the caller's stack pointer.
 * r11 holds the way out and r10 the CSSA of this entry, so that each nested entry has its own.
 */

#ifndef THREADS
#define THREADS 3
#endif

    .set SSA, 0x6000 + THREADS * 0x1000 /* 3 frames for each TCS */
    .set GS, SSA + THREADS * 0x3000     /* a page for each TCS */
    .set READ_ONLY, GS + THREADS * 0x1000
    .set READ_WRITE_EXECUTE, READ_ONLY + 0x1000
    .set COMPUTE, READ_ONLY + 0x4000
    .set ILLEGAL, READ_ONLY + 0x4000

    .set SECINFO_TCS, 0x100
    .set SECINFO_R,   0x201
    .set SECINFO_RW,  0x203
    .set SECINFO_RX,  0x205
    .set SECINFO_RWX, 0x207

    .set GPRSGX, 4096 - 184             /* in an SSA frame of one page */
    .set EENTER_RIP, GPRSGX + 136
    .set EXITINFO, GPRSGX + 160

    .macro segment offset, pages, secinfo, measured
    .section .layout, ""
    .quad \offset, \pages, \secinfo, \measured
    .section .enclave, "ax"
    .org \offset
    .endm

    .section .enclave, "ax"
base:
    segment 0x0, 2, SECINFO_RX, 1
entry:
    cmpq    $1, (%rdi)                  /* before any register changes */
    je      registers
    mov     %rcx, %r11
    mov     %rax, %r10
    mov     (%rdi), %rax
    cmp     $(table_end - table) / 4, %rax
    jae     unknown
    lea     table(%rip), %rcx
    movslq  (%rcx, %rax, 4), %rax
    add     %rcx, %rax
    mov     8(%rdi), %rsi
    mov     16(%rdi), %rdx
    mov     24(%rdi), %r8
    mov     32(%rdi), %r9
    jmp     *%rax

table:
    .long   nop_ - table                /* 0 */
    .long   unknown - table             /* 1: registers, handled above */
    .long   store - table               /* 2 */
    .long   load - table                /* 3 */
    .long   undefined - table           /* 4 */
    .long   divide - table              /* 5 */
    .long   breakpoint - table          /* 6 */
    .long   cpuid_ - table              /* 7 */
    .long   syscall_ - table            /* 8 */
    .long   spin - table                /* 9 */
    .long   copy - table                /* 10 */
    .long   enclu_ - table              /* 11 */
    .long   handle - table              /* 12 */
    .long   keep - table                /* 13 */
    .long   hold - table                /* 14 */
#if THREADS == 8
    .long   compute - table             /* 15 */
#else
    .long   unknown - table
    .long   illegal_ - table            /* 16 */
    .long   selectors - table           /* 17 */
#endif
table_end:

unknown:
    mov     $-1, %rax
leave:                                  /* rax: the result */
    mov     %rax, 40(%rdi)
    mov     %r11, %rbx
    mov     $4, %eax
    enclu

/* Returns the CSSA that EENTER showed. */
nop_:
    mov     %r10, %rax
    jmp     leave

/* Writes every register of the entry to regs, in the order of the SSA, and leaves rdx, rsi, r8,
 * r9, r10 and r12 to r15 inverted. */
registers:
    mov     %rax, 48(%rdi)
    mov     %rcx, 56(%rdi)
    mov     %rdx, 64(%rdi)
    mov     %rbx, 72(%rdi)
    mov     %rsp, 80(%rdi)
    mov     %rbp, 88(%rdi)
    mov     %rsi, 96(%rdi)
    mov     %rdi, 104(%rdi)
    mov     %r8, 112(%rdi)
    mov     %r9, 120(%rdi)
    mov     %r10, 128(%rdi)
    mov     %r11, 136(%rdi)
    mov     %r12, 144(%rdi)
    mov     %r13, 152(%rdi)
    mov     %r14, 160(%rdi)
    mov     %r15, 168(%rdi)
    .irp reg, rdx, rsi, r8, r9, r10, r12, r13, r14, r15
    not     %\reg
    .endr
    mov     %rcx, %r11
    xor     %eax, %eax
    jmp     leave

/* Writes b to the address a. */
store:
    mov     %rdx, (%rsi)
    xor     %eax, %eax
    jmp     leave

/* Returns what the address a holds. */
load:
    mov     (%rsi), %rax
    jmp     leave

/* The next five fault; each returns 77 if a handler stepped over the instruction. */
undefined:
    ud2
    mov     $77, %eax
    jmp     leave

divide:
    mov     $1, %eax
    xor     %edx, %edx
    xor     %ecx, %ecx
    div     %ecx
    mov     $77, %eax
    jmp     leave

breakpoint:
    int3
    mov     $77, %eax
    jmp     leave

cpuid_:
    mov     $77, %eax
    xor     %ecx, %ecx
    cpuid
    jmp     leave

syscall_:
    mov     %r11, %r9
    mov     $77, %eax                   /* changes if the call is made */
    syscall
    mov     %r9, %r11
    jmp     leave

/* Sets the word at a, then waits for the word at b. */
spin:
    movl    $1, (%rsi)
1:  pause
    cmpl    $0, (%rdx)
    je      1b
    mov     %r10, %rax
    jmp     leave

/* The same with rax = c all the time; returns 0 if it is still so. */
hold:
    mov     %r8, %rax
    movl    $1, (%rsi)
1:  cmp     %r8, %rax
    jne     2f
    cmpl    $0, (%rdx)
    je      1b
2:  xor     %r8, %rax
    jmp     leave

/* Copies c bytes from a to b. */
copy:
    mov     %rdi, %r9
    mov     %rdx, %rdi
    mov     %r8, %rcx
    rep movsb
    mov     %r9, %rdi
    xor     %eax, %eax
    jmp     leave

/* ENCLU with leaf a, rbx = b, rcx = c, rdx = d. Returns rax, and ZF in regs[0]. */
enclu_:
    mov     %rsi, %rax
    mov     %rdx, %rbx
    mov     %r8, %rcx
    mov     %r9, %rdx
    test    %rsp, %rsp                  /* ZF = 0 */
    enclu
    setz    %cl
    movzbl  %cl, %ecx
    mov     %rcx, 48(%rdi)
    jmp     leave

/* For an entry with CSSA > 0: copies the SSA frame of the interrupted entry to b (if not 0), adds
 * a to its RIP, returns its EXITINFO. */
handle:
    test    %r10, %r10
    jz      unknown
    lea     base(%rip), %rcx
    add     %gs:0, %rcx                 /* first frame of this thread */
    lea     -1(%r10), %rax
    shl     $12, %rax
    add     %rcx, %rax                  /* the interrupted frame */
    test    %rdx, %rdx
    jz      1f
    mov     %rdi, %r9
    mov     %rsi, %r8
    mov     %rax, %rsi
    mov     %rdx, %rdi
    mov     $4096, %ecx
    rep movsb
    mov     %r9, %rdi
    mov     %r8, %rsi
1:  add     %rsi, EENTER_RIP(%rax)
    mov     EXITINFO(%rax), %eax
    jmp     leave

/* Sets the word at a, fills every register that an AEX must save with a pattern, loops, and checks
 * them, until the word at b is set. Returns 0, or which register was wrong: 1 + number of the GPR,
 * 100 + XMM, 200 + upper half of YMM, 300 carry, 301 x87, 302 MXCSR.
 *
 * GS page: 0 SSA offset, 32 rsp, 40 loop, 48 op, 56 way out, 64 rbp r12 r13 r14 r15, 104 b,
 * 112 has YMM, 120 MXCSR, 124 FCW, 128 scratch, 256 GPRs, 512 XMM, 768 YMM. */
    .set SEED, 0x5ea1000000000000
    .set STEP, 0x0000010101010101
    .macro pattern number, reg
    movabs  $(SEED + \number * STEP), %\reg
    .endm

keep:
    mov     %rsp, %gs:32
    mov     %rdi, %gs:48
    mov     %r11, %gs:56
    mov     %rbp, %gs:64
    mov     %r12, %gs:72
    mov     %r13, %gs:80
    mov     %r14, %gs:88
    mov     %r15, %gs:96
    mov     %rdx, %gs:104
    stmxcsr %gs:120
    fnstcw  %gs:124
    movl    $1, (%rsi)
    xor     %ecx, %ecx
    xgetbv
    and     $4, %eax
    mov     %rax, %gs:112
again:
    movq    $20000, %gs:40
    fninit
    fldpi
    movl    $0x9fc0, %gs:128            /* flush to zero, denormals are zeros */
    ldmxcsr %gs:128
    .set i, 0
    .rept 16
    movabs  $(SEED + i * STEP), %rax
    mov     %rax, %gs:(512 + i * 16)
    not     %rax
    mov     %rax, %gs:(520 + i * 16)
    mov     %rax, %gs:(768 + i * 16)
    not     %rax
    mov     %rax, %gs:(776 + i * 16)
    .set i, i + 1
    .endr
    .irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15
    movups  %gs:(512 + \n * 16), %xmm\n
    .endr
    cmpl    $0, %gs:112
    je      1f
    .irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15
    vinsertf128 $1, %gs:(768 + \n * 16), %ymm\n, %ymm\n
    .endr
1:  pattern 0, rax
    pattern 1, rcx
    pattern 2, rdx
    pattern 3, rbx
    pattern 4, rsp
    pattern 5, rbp
    pattern 6, rsi
    pattern 7, rdi
    .irp n, 8,9,10,11,12,13,14,15
    pattern \n, r\n
    .endr
    stc
2:  decq    %gs:40                      /* keeps the carry */
    jnz     2b

    mov     %rax, %gs:256
    mov     %rcx, %gs:264
    mov     %rdx, %gs:272
    mov     %rbx, %gs:280
    mov     %rsp, %gs:288
    mov     %rbp, %gs:296
    mov     %rsi, %gs:304
    mov     %rdi, %gs:312
    .irp n, 8,9,10,11,12,13,14,15
    mov     %r\n, %gs:(256 + \n * 8)
    .endr
    mov     $300, %eax
    jnc     restore

    .set i, 0
    .rept 16
    movabs  $(SEED + i * STEP), %rcx
    mov     $(1 + i), %eax
    cmp     %rcx, %gs:(256 + i * 8)
    jne     restore
    .set i, i + 1
    .endr

    .irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15
    movups  %xmm\n, %gs:(512 + \n * 16)
    .endr
    cmpl    $0, %gs:112
    je      3f
    .irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15
    vextractf128 $1, %ymm\n, %gs:(768 + \n * 16)
    .endr
    vzeroupper
3:  .set i, 0
    .rept 16
    movabs  $(SEED + i * STEP), %rcx
    mov     $(100 + i), %eax
    cmp     %rcx, %gs:(512 + i * 16)
    jne     restore
    cmp     %rcx, %gs:(776 + i * 16)
    mov     $(200 + i), %eax
    jne     restore
    not     %rcx
    cmp     %rcx, %gs:(768 + i * 16)
    jne     restore
    mov     $(100 + i), %eax
    cmp     %rcx, %gs:(520 + i * 16)
    jne     restore
    .set i, i + 1
    .endr

    fldpi
    fcompp
    fnstsw  %ax
    mov     %eax, %ecx
    mov     $301, %eax
    and     $0x4500, %ecx               /* C3, C2, C0: equal is C3 alone */
    cmp     $0x4000, %ecx
    jne     restore
    stmxcsr %gs:128
    mov     $302, %eax
    mov     %gs:128, %ecx
    and     $0xffc0, %ecx               /* the sticky flags may have changed */
    cmp     $0x9fc0, %ecx
    jne     restore
    mov     %gs:104, %rdx
    cmpl    $0, (%rdx)
    je      again
    xor     %eax, %eax
restore:
    fninit
    ldmxcsr %gs:120
    fldcw   %gs:124
    mov     %gs:32, %rsp
    mov     %gs:48, %rdi
    mov     %gs:56, %r11
    mov     %gs:64, %rbp
    mov     %gs:72, %r12
    mov     %gs:80, %r13
    mov     %gs:88, %r14
    mov     %gs:96, %r15
    jmp     leave

    segment 0x2000, 4, SECINFO_RW, 1
    .quad   0x1234567890abcdef

    .macro tcs number
    .org    0x6000 + \number * 0x1000
    .quad   0, 0                        /* STATE, FLAGS */
    .quad   SSA + \number * 0x3000      /* OSSA */
    .long   0, 3                        /* CSSA, NSSA */
    .quad   entry - base, 0             /* OENTRY, AEP */
    .quad   GS + \number * 0x1000       /* OFSBASE */
    .quad   GS + \number * 0x1000       /* OGSBASE */
    .long   0xffffffff, 0xffffffff      /* FSLIMIT, GSLIMIT */
    .endm
    segment 0x6000, THREADS, SECINFO_TCS, 1
    .set i, 0
    .rept THREADS
    tcs     i
    .set i, i + 1
    .endr

    segment SSA, THREADS*3, SECINFO_RW, 1

    segment GS, THREADS, SECINFO_RW, 1
    .set i, 0
    .rept THREADS
    .org    GS + i * 0x1000
    .quad   SSA + i * 0x3000, GS + i * 0x1000
    .set i, i + 1
    .endr

    segment READ_ONLY, 1, SECINFO_R, 1
    .quad   0x0ead0ead0ead0ead

    segment READ_WRITE_EXECUTE, 1, SECINFO_RWX, 0 /* not measured */
    .quad   0x1eaf1eaf1eaf1eaf
    .org    READ_ONLY + 0x2000

#if THREADS == 8
    segment COMPUTE, 2, SECINFO_RX, 1
#include "compute.S"
    .org    COMPUTE + 0x2000
#else
    segment ILLEGAL, 2, SECINFO_RX, 1
#include "illegal.S"
    .org    ILLEGAL + 0x2000
#endif

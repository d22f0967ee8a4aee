/* An enclave whose one thread asks for AEX-Notify. The form of the image is that
 * of enclave.S, and so is the place of the TCS.
 *
 * An entry with CSSA = 0 does what the struct op in rdi says. One with CSSA > 0 is a notification: ERESUME has not
 * gone on with what was interrupted, which is in the frame below, so that the handler does it, by EDECCSSA.
 */

    .set STACK, 0x6000                  /* its end */
    .set SSA, 0x7000
    .set GS, 0xa000

    .set SECINFO_TCS, 0x100
    .set SECINFO_RW,  0x203
    .set SECINFO_RX,  0x205

    .set GPRSGX, 4096 - 184             /* in an SSA frame of one page */
    .set EXITINFO, GPRSGX + 160
    .set AEXNOTIFY, GPRSGX + 167
    .set RED_ZONE, 128

    /* In the page of GS: the outside's registers, then what the handler counts and is told. */
    .set OUTSIDE, 0
    .set NOTIFIED, 128
    .set EXITED, 136
    .set XFRM, 144
    .set MEET, 152

    .macro segment offset, pages, secinfo, measured
    .section .layout, ""
    .quad \offset, \pages, \secinfo, \measured
    .section .enclave, "ax"
    .org \offset
    .endm

    .macro next from, to
    lea     0x1357(%\from, %\from, 8), %\to
    .endm
    .macro stir from, into
    adc     %\from, %\into
    rol     $7, %\into
    .endm
    .macro fold from, into
    paddq   %xmm\from, %xmm\into
    pshufd  $0x4b, %xmm\into, %xmm\into
    .endm

    .section .enclave, "ax"
base:
    segment 0x0, 2, SECINFO_RX, 1
entry:
    test    %rax, %rax
    jnz     notified
    mov     %rsp, %gs:OUTSIDE
    mov     %rbp, %gs:(OUTSIDE + 8)
    mov     %rbx, %gs:(OUTSIDE + 16)
    mov     %r12, %gs:(OUTSIDE + 24)
    mov     %r13, %gs:(OUTSIDE + 32)
    mov     %r14, %gs:(OUTSIDE + 40)
    mov     %r15, %gs:(OUTSIDE + 48)
    mov     %rdi, %gs:(OUTSIDE + 56)
    mov     %rcx, %gs:(OUTSIDE + 64)
    movq    $0, %gs:NOTIFIED
    movq    $0, %gs:EXITED
    movl    48(%rdi), %eax              /* regs[0]: XFRM */
    mov     %rax, %gs:XFRM
    mov     56(%rdi), %rax              /* regs[1]: where handler and signals meet, or 0 */
    mov     %rax, %gs:MEET
    lea     base(%rip), %r15
    lea     STACK(%r15), %rsp
    movb    $1, (SSA + AEXNOTIFY)(%r15)
    mov     (%rdi), %rax                /* function: 0 mixes, 1 is undefined */
    mov     32(%rdi), %rcx              /* d: progress */
    mov     24(%rdi), %rdx              /* c: result */
    mov     16(%rdi), %rsi              /* b: seed */
    mov     8(%rdi), %rdi               /* a: rounds */
    test    %rax, %rax
    jnz     1f
    call    mix
    jmp     2f
1:  mov     $0x1122334455667788, %rax
    ud2
    mov     %rax, (%rdx)
2:  lea     base(%rip), %r15
    movb    $0, (SSA + AEXNOTIFY)(%r15)
    mov     %gs:(OUTSIDE + 56), %rdi
    mov     %gs:NOTIFIED, %rax
    mov     %rax, 40(%rdi)              /* result: notifications */
    mov     %gs:EXITED, %rax
    mov     %rax, 48(%rdi)              /* regs[0]: EXITINFO of all, ORed */
    mov     %gs:OUTSIDE, %rsp
    mov     %gs:(OUTSIDE + 8), %rbp
    mov     %gs:(OUTSIDE + 24), %r12
    mov     %gs:(OUTSIDE + 32), %r13
    mov     %gs:(OUTSIDE + 40), %r14
    mov     %gs:(OUTSIDE + 48), %r15
    mov     %gs:(OUTSIDE + 64), %rbx
    mov     $4, %eax
    enclu

/* rax: CSSA. All registers are the outside's, RSP too. What interrupts this handler is no notification, because its
 * own frame does not ask for one. */
notified:
    lea     base(%rip), %r15
    dec     %rax
    shl     $12, %rax
    lea     SSA(%r15, %rax), %r14       /* the interrupted frame */
    incq    %gs:NOTIFIED
    mov     EXITINFO(%r14), %eax
    or      %rax, %gs:EXITED
    cmp     $0x80000306, %eax           /* #UD: over the UD2 */
    jne     1f
    addq    $2, (GPRSGX + 136)(%r14)
1:  mov     %gs:MEET, %r13
    test    %r13, %r13
    jz      3f
    movl    $1, (%r13)                  /* until a signal has come in between */
2:  pause
    cmpl    $0, (%r13)
    jne     2b
3:  mov     %gs:XFRM, %rax
    xor     %edx, %edx
    xrstor  (%r14)
    /* All registers go below the red zone of the interrupted stack, since from EDECCSSA on the next exit
     * overwrites the frame. */
    mov     (GPRSGX + 32)(%r14), %rbx
    sub     $(RED_ZONE + 17 * 8), %rbx
    .set to, 0
    .irp from, 0, 8, 16, 24, 40, 48, 56, 64, 72, 80, 88, 96, 104, 112, 120, 128, 136
    mov     (GPRSGX + \from)(%r14), %rcx
    mov     %rcx, to(%rbx)
    .set to, to + 8
    .endr
    mov     %rbx, %rsp
    mov     $9, %eax
    enclu
    .irp reg, rax, rcx, rdx, rbx, rbp, rsi, rdi, r8, r9, r10, r11, r12, r13, r14, r15
    pop     %\reg
    .endr
    popfq
    ret     $RED_ZONE

/* mix(rounds, seed, result, progress): a number that depends on every register, on the carry, on the red zone and
 * on XMM registers in every round. Also executed outside, to know the right result: 15 GPRs, 8 XMM. */
    .org    0x1000
mix:
    push    %rbx
    push    %rbp
    push    %r12
    push    %r13
    push    %r14
    push    %r15
    push    %rdx
    push    %rcx
    push    %rdi
    mov     %rsi, %rax
    .irp pair, "rax,rbx", "rbx,rcx", "rcx,rdx", "rdx,rsi", "rsi,rdi", "rdi,rbp", "rbp,r8", "r8,r9", "r9,r10", \
               "r10,r11", "r11,r12", "r12,r13", "r13,r14", "r14,r15"
    next    \pair
    .endr
    .irp n, 0, 1, 2, 3, 4, 5, 6, 7
    movq    %rax, %xmm\n
    add     %r15, %rax
    .endr
1:  .irp pair, "rbx,rax", "rcx,rbx", "rdx,rcx", "rsi,rdx", "rdi,rsi", "rbp,rdi", "r8,rbp", "r9,r8", "r10,r9", \
               "r11,r10", "r12,r11", "r13,r12", "r14,r13", "r15,r14", "rax,r15"
    stir    \pair
    .endr
    mov     %rax, -8(%rsp)
    mov     %r9, -128(%rsp)
    movq    %rcx, %xmm0
    .irp pair, "0,1", "1,2", "2,3", "3,4", "4,5", "5,6", "6,7"
    fold    \pair
    .endr
    movq    %xmm7, %rcx
    adc     -8(%rsp), %rdx
    xor     -128(%rsp), %rsi
    lea     -128(%rsp), %rsp            /* keeps the red zone */
    push    %rax
    mov     (8 + 128 + 8)(%rsp), %rax
    incl    (%rax)
    pop     %rax
    lea     128(%rsp), %rsp
    decq    (%rsp)
    jnz     1b
    push    %rax
    mov     24(%rsp), %rax
    mov     %rbx, 8(%rax)
    mov     %rcx, 16(%rax)
    mov     %rdx, 24(%rax)
    mov     %rsi, 32(%rax)
    mov     %rdi, 40(%rax)
    mov     %rbp, 48(%rax)
    .irp n, 8, 9, 10, 11, 12, 13, 14, 15
    mov     %r\n, (\n * 8 - 8)(%rax)
    .endr
    .irp n, 0, 1, 2, 3, 4, 5, 6, 7
    movups  %xmm\n, (120 + \n * 16)(%rax)
    .endr
    pop     %rbx
    mov     %rbx, (%rax)
    add     $24, %rsp
    pop     %r15
    pop     %r14
    pop     %r13
    pop     %r12
    pop     %rbp
    pop     %rbx
    ret

    segment 0x2000, 4, SECINFO_RW, 1    /* the stack */
    segment 0x6000, 1, SECINFO_TCS, 1
    .quad   0, 2                        /* STATE, FLAGS: AEXNOTIFY */
    .quad   SSA                         /* OSSA */
    .long   0, 3                        /* CSSA, NSSA */
    .quad   entry - base, 0             /* OENTRY, AEP */
    .quad   GS, GS                      /* OFSBASE, OGSBASE */
    .long   0xffffffff, 0xffffffff      /* FSLIMIT, GSLIMIT */
    segment SSA, 3, SECINFO_RW, 1
    segment GS, 1, SECINFO_RW, 1
    .org    GS + 0x1000

/* OP_COMPUTE: a computation that keeps its state in every register there is, flags and control words included,
 * and in nothing else. Whatever an interruption loses, changes what comes out.
 *
 * `rounds` runs in and outside of an enclave. It finds all it needs in the page at the GS base, and uses no
 * stack:
 *   136 linear address of the page          144 address of a word that an interruption sets
 *   152 where to go at the end               160 rounds to do
 *   168 0: XMM, 1: YMM, 2: ZMM               176 interruptions seen
 *   184 rcx  192 rax  200 flags  208, 216 SSE  224, 240 x87     256 where to write the rounds left
 * and leaves there:
 *   1024 FXSAVE  1536 k0 to k7  1600 general registers  1728 RFLAGS  2048 ZMM
 */

    .macro ring op, last                /* each register takes in the next; 0 to `last` */
    .set i, 0
    .rept \last + 1
    .set next, i + 1
    .if next > \last
    .set next, 0
    .endif
    .altmacro
    \op     %next, %i
    .noaltmacro
    .set i, i + 1
    .endr
    .endm

    .macro add_xmm from, to
    paddq   %xmm\from, %xmm\to
    pshufd  $0x93, %xmm\to, %xmm\to
    .endm
    .macro add_ymm from, to
    vpaddq  %ymm\from, %ymm\to, %ymm\to
    vpermq  $0x39, %ymm\to, %ymm\to
    .endm
    .macro add_zmm from, to
    vpaddq  %zmm\from, %zmm\to, %zmm\to
    vprolq  $7, %zmm\to, %zmm\to
    .endm
    .macro add_k from, to
    kxorw   %k\from, %k\to, %k\to
    .endm

    .macro each op, last
    .set i, 0
    .rept \last + 1
    .altmacro
    \op     %i
    .noaltmacro
    .set i, i + 1
    .endr
    .endm
    .macro load_xmm n
    movups  %gs:(2048 + \n * 64), %xmm\n
    .endm
    .macro load_ymm n
    vmovdqu %gs:(2048 + \n * 64), %ymm\n
    .endm
    .macro load_zmm n
    vmovdqu64 %gs:(2048 + \n * 64), %zmm\n
    .endm
    .macro load_k n
    kmovw   %gs:(2048 + \n * 64), %k\n
    .endm
    .macro save_ymm n
    vmovdqu %ymm\n, %gs:(2048 + \n * 64)
    .endm
    .macro save_zmm n
    vmovdqu64 %zmm\n, %gs:(2048 + \n * 64)
    .endm
    .macro save_k n
    kmovw   %k\n, %gs:(1536 + \n * 8)
    .endm

    /* One round. CF, and once the other flags, live from its first instruction to its last. */
    .macro round level
    .irp pair, "rcx,rax", "rdx,rcx", "rbx,rdx", "rsp,rbx", "rbp,rsp", "rsi,rbp", "rdi,rsi", "r8,rdi", \
               "r9,r8", "r10,r9", "r11,r10", "r12,r11", "r13,r12", "r14,r13", "r15,r14", "rax,r15"
    add_gpr \pair
    .endr
    adc     %rdi, %rbx                  /* leaves all six flags; nothing changes them up to lahf */
    .if \level == 0
    ring    add_xmm, 15
    .elseif \level == 1
    ring    add_ymm, 15
    .else
    ring    add_zmm, 31
    ring    add_k, 7
    .endif

    movsd   %xmm15, %gs:208             /* rounds upwards, by MXCSR */
    cvtsi2sd %rbx, %xmm15
    movsd   %xmm15, %gs:216
    movlps  %gs:208, %xmm15

    fxch    %st(3)                      /* rounds upwards to 53 bits, by FCW */
    fchs
    fincstp
    fstpt   %gs:224
    fildq   %gs:216
    fabs
    fsqrt
    fstpt   %gs:240
    fldt    %gs:224

    mov     %rcx, %gs:184
    mov     %rax, %gs:192
    mov     %gs:144, %rcx
    mov     (%rcx), %rcx
    jrcxz   7f
    mov     %gs:144, %rcx
    movq    $0, (%rcx)
    mov     %gs:176, %rcx
    lea     1(%rcx), %rcx
    mov     %rcx, %gs:176
7:  mov     %gs:160, %rcx
    lea     -1(%rcx), %rcx
    mov     %rcx, %gs:160
    mov     %gs:256, %rax
    mov     %ecx, (%rax)
    lahf
    seto    %al
    mov     %ax, %gs:200
    mov     %gs:192, %rax
    adc     %gs:200, %rdx
    adc     %gs:216, %rsi
    adc     %gs:240, %rdi
    jrcxz   8f
    mov     %gs:184, %rcx
    .endm
    .macro add_gpr from, to
    adc     %\from, %\to
    rol     $9, %\to
    .endm

rounds:
    mov     $0x5ea1000000000001, %rax
    mov     $256, %ecx
    movabs  $0x5851f42d4c957f2d, %rdx
1:  imul    %rdx, %rax
    add     %rcx, %rax
    mov     %rax, %gs:2040(, %rcx, 8)
    dec     %ecx
    jnz     1b

    fninit
    movl    $0x0a7f, %gs:128
    fldcw   %gs:128
    .irp n, 0,1,2,3,4,5,6,7
    fildq   %gs:(2048 + \n * 24)
    .endr
    movl    $0xdfc0, %gs:128            /* upwards, flush to zero, denormals are zeros */
    ldmxcsr %gs:128
    movq    $0, %gs:200
    mov     %gs:168, %rax
    cmp     $1, %eax
    jb      1f
    je      2f
    each    load_zmm, 31
    each    load_k, 7
    jmp     3f
2:  each    load_ymm, 15
    jmp     3f
1:  each    load_xmm, 15
3:  lea     4f(%rip), %rbx
    cmp     $1, %eax
    jb      5f
    lea     9f(%rip), %rbx
    je      5f
    lea     6f(%rip), %rbx
5:  mov     %rbx, %gs:128
    .set i, 0
    .irp reg, rax, rcx, rdx, rbx, rsp, rbp, rsi, rdi, r8, r9, r10, r11, r12, r13, r14, r15
    mov     %gs:(2048 + i), %\reg
    .set i, i + 8
    .endr
    std
    stc
    jmp     *%gs:128

4:  round   0
    jmp     4b
8:  jmp     computed
9:  round   1
    jmp     9b
8:  jmp     computed
6:  round   2
    jmp     6b
8:  jmp     computed

computed:
    mov     %gs:184, %rcx
    .set i, 0
    .irp reg, rax, rcx, rdx, rbx, rsp, rbp, rsi, rdi, r8, r9, r10, r11, r12, r13, r14, r15
    mov     %\reg, %gs:(1600 + i)
    .set i, i + 8
    .endr
    mov     %gs:136, %rsp
    lea     2000(%rsp), %rsp
    pushfq
    popq    %gs:1728
    cld
    fxsave64 %gs:1024
    mov     %gs:168, %rax
    cmp     $1, %eax
    jb      1f
    je      2f
    each    save_zmm, 31
    each    save_k, 7
    jmp     1f
2:  each    save_ymm, 15
1:  jmp     *%gs:152

/* a: rounds, b: which vector registers, c: where to copy the last 3 KiB of the GS page, d: where to write the
 * rounds left. Returns how many interruptions the enclave has seen, by the SSA frame that it would be
 * saved to. */
compute:
    mov     %rsp, %gs:32
    mov     %rdi, %gs:48
    mov     %r11, %gs:56
    mov     %rbp, %gs:64
    mov     %r12, %gs:72
    mov     %r13, %gs:80
    mov     %r14, %gs:88
    mov     %r15, %gs:96
    stmxcsr %gs:120
    fnstcw  %gs:124
    mov     %rsi, %gs:160
    mov     %rdx, %gs:168
    mov     %r8, %gs:264
    mov     %r9, %gs:256
    movq    $0, %gs:176
    lea     base(%rip), %rax
    mov     %rax, %rcx
    add     %gs:8, %rax
    mov     %rax, %gs:136
    shl     $12, %r10
    add     %r10, %rcx
    add     %gs:0, %rcx
    lea     EENTER_RIP(%rcx), %rcx
    mov     %rcx, %gs:144
    movq    $0, (%rcx)
    lea     1f(%rip), %rax
    mov     %rax, %gs:152
    jmp     rounds
1:  mov     %gs:136, %rsi
    lea     1024(%rsi), %rsi
    mov     %gs:264, %rdi
    mov     $3072, %ecx
    rep movsb
    mov     %gs:176, %rax
    jmp     restore

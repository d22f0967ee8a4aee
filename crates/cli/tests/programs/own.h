/* Entering without the vDSO: an EENTER, the place after it, and an AEP that resumes. */
#ifndef OWN_H
#define OWN_H

#include <signal.h>
#include <ucontext.h>

#include "enclave.h"

/* The registers at the instruction after EENTER. */
struct own_exit {
    uint64_t rax, rbx, rcx, rsp_moved, rbp_moved;
};

/* EENTER with AEP `aep`; rdi is the op. Gives the caller's RSP and RBP at EENTER through
 * own_rsp and own_rbp. */
void own_enter(struct op *op, uint64_t tcs, void *aep, struct own_exit *exit);
extern char own_eenter[], own_aep[], own_plain_aep[];
extern uint64_t own_rsp, own_rbp;

__asm__(".pushsection .text\n"
        ".globl own_enter, own_eenter, own_aep, own_plain_aep\n"
        "own_enter:\n"
        "   push %rbp; mov %rsp, %rbp; push %rbx; push %r12; push %r13; push %r14; push %r15\n"
        "   push %rcx\n"
        "   mov %rsp, own_rsp(%rip); mov %rbp, own_rbp(%rip)\n"
        "   mov %rsi, %rbx; mov %rdx, %rcx; mov $2, %eax\n"
        "own_eenter:\n"
        "   enclu\n"
        "own_left:\n"
        "   mov %rsp, %rsi; sub own_rsp(%rip), %rsi\n"
        "   mov %rbp, %rdi; sub own_rbp(%rip), %rdi\n"
        "   mov own_rsp(%rip), %rsp; mov own_rbp(%rip), %rbp\n"
        "   pop %rdx\n"
        "   mov %rax, (%rdx); mov %rbx, 8(%rdx); mov %rcx, 16(%rdx)\n"
        "   mov %rsi, 24(%rdx); mov %rdi, 32(%rdx)\n"
        "   pop %r15; pop %r14; pop %r13; pop %r12; pop %rbx; pop %rbp; ret\n"
        "own_aep:\n"
        "   enclu\n"
        "   ud2\n"
        "own_plain_aep:\n" /* never resumes: goes where an EEXIT would */
        "   jmp own_left\n"
        ".popsection\n"
        ".pushsection .bss\n"
        ".globl own_rsp, own_rbp\n"
        "own_rsp: .quad 0\n"
        "own_rbp: .quad 0\n"
        ".popsection\n");

/* Checks that a signal frame shows the state that an AEX leaves, and nothing of the enclave. */
static inline void check_aex_image(const ucontext_t *context, uint64_t tcs, const void *aep)
{
    const greg_t *regs = context->uc_mcontext.gregs;
    static const int zero[] = {REG_RDX, REG_RSI, REG_RDI, REG_R8,  REG_R9, REG_R10,
                               REG_R11, REG_R12, REG_R13, REG_R14, REG_R15};

    CHECK_EQ(regs[REG_RIP], (uint64_t)aep);
    CHECK_EQ(regs[REG_RAX], ERESUME);
    CHECK_EQ(regs[REG_RBX], tcs);
    CHECK_EQ(regs[REG_RCX], (uint64_t)aep);
    CHECK_EQ(regs[REG_RSP], own_rsp);
    CHECK_EQ(regs[REG_RBP], own_rbp);
    for (unsigned i = 0; i < sizeof(zero) / sizeof(*zero); i++)
        CHECK_EQ(regs[zero[i]], 0);
    /* CF, PF, AF, ZF, SF, OF, RF */
    CHECK_EQ(regs[REG_EFL] & 0x108d5, 0);
    const struct _libc_fpstate *fp = context->uc_mcontext.fpregs;
    CHECK(fp != NULL);
    CHECK_EQ(fp->cwd, 0x37f);
    CHECK_EQ(fp->swd, 0);
    CHECK_EQ(fp->mxcsr, 0x1fb0);
    for (int i = 0; i < 16; i++)
        for (int j = 0; j < 4; j++)
            CHECK_EQ(fp->_xmm[i].element[j], 0);
}

static inline void on_signal(int signal, void (*handler)(int, siginfo_t *, void *), int flags)
{
    struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO | flags};

    CHECK_EQ(sigaction(signal, &action, NULL), 0);
}

#endif

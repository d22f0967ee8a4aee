/* All registers but RAX, RBX and RCX reach the enclave as the caller had them; those that the
 * enclave leaves reach the caller, but for RBX, RBP and RSP. */
#include "vdso.h"

/* regs: in the order of struct gprsgx. Loads them, calls enter, stores them. */
void call_with(sgx_enter enter, struct sgx_run *run, uint64_t *regs, int *result);

__asm__(".pushsection .text\n"
        "call_with:\n"
        "   push %rbx; push %rbp; push %r12; push %r13; push %r14; push %r15\n"
        "   push %rdx; push %rcx\n"
        "   mov %rdi, %rax; mov %rdx, %rbp\n"
        "   sub $8, %rsp\n"   /* alignment, together with the argument */
        "   push %rsi\n"
        "   mov 16(%rbp), %rdx; mov 24(%rbp), %rbx; mov 48(%rbp), %rsi; mov 56(%rbp), %rdi\n"
        "   mov 64(%rbp), %r8; mov 72(%rbp), %r9; mov 80(%rbp), %r10; mov 88(%rbp), %r11\n"
        "   mov 96(%rbp), %r12; mov 104(%rbp), %r13; mov 112(%rbp), %r14; mov 120(%rbp), %r15\n"
        "   mov $2, %ecx\n"
        "   call *%rax\n"
        "   add $16, %rsp\n"
        "   pop %rcx; mov %eax, (%rcx)\n"
        "   mov %rbp, %rax\n"    /* the vDSO restores it */
        "   pop %rbp\n"
        "   cmp %rax, %rbp; je 1f; ud2\n"
        "1: mov %rdx, 16(%rbp); mov %rbx, 24(%rbp); mov %rsi, 48(%rbp); mov %rdi, 56(%rbp)\n"
        "   mov %r8, 64(%rbp); mov %r9, 72(%rbp); mov %r10, 80(%rbp); mov %r11, 88(%rbp)\n"
        "   mov %r12, 96(%rbp); mov %r13, 104(%rbp); mov %r14, 112(%rbp); mov %r15, 120(%rbp)\n"
        "   pop %r15; pop %r14; pop %r13; pop %r12; pop %rbp; pop %rbx; ret\n"
        ".popsection\n");

enum { RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI, R8, R9, R10, R11, R12, R13, R14, R15 };

int main(int argc, char **argv)
{
    (void)argc;
    static const int through[] = {RDX, RSI, R8, R9, R10, R12, R13, R14, R15};
    struct enclave e = enclave_build(argv[1]);
    struct op op = {.function = OP_REGISTERS};
    struct sgx_run run = {.tcs = e.base + TCS(1)};
    uint64_t before[16], after[16];
    int result = 1;

    for (int i = 0; i < 16; i++)
        before[i] = 0x0123456789abcd00 + i;
    before[RDI] = (uint64_t)&op;
    memcpy(after, before, sizeof(after));
    call_with(vdso_raw(), &run, after, &result);

    CHECK_EQ(result, 0);
    CHECK_EQ(run.function, EEXIT);
    CHECK_EQ(op.regs[RAX], 0);
    CHECK_EQ(op.regs[RBX], run.tcs);
    CHECK_EQ(op.regs[RDI], (uint64_t)&op);
    CHECK_EQ(op.regs[R11], before[R11]);
    for (unsigned i = 0; i < sizeof(through) / sizeof(*through); i++) {
        CHECK_EQ(op.regs[through[i]], before[through[i]]);
        CHECK_EQ(after[through[i]], ~before[through[i]]);
    }
    CHECK_EQ(after[RBX], before[RBX]);
    CHECK_EQ(after[RDI], (uint64_t)&op);
    /* RCX at entry is the address after ENCLU, inside the vDSO. */
    CHECK_EQ(op.regs[RCX] >> 14, (uint64_t)vdso_raw() >> 14);
    return 0;
}

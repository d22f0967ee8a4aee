/* The instructions of illegal.h outside of enclaves: writes what each does. With an image, an enclave is there. */
#include <setjmp.h>

#include "illegal_cases.h"
#include "own.h"

extern char outside_first[];
void outside(const void *instruction, uint64_t *regs);
static sigjmp_buf back;
static const char *instruction;

#define CASE(outcome, changes, ...) "slot " #__VA_ARGS__ "\n"
/* rdi: where to go, rsi: where the registers go to. R15 and the rest are patterns before. */
__asm__(".pushsection .text\n"
        ".macro slot insn:vararg\n"
        ".balign 32\n"
        "\\insn\n"
        "jmp outside_after\n"
        ".endm\n"
        "outside:\n"
        "push %rbp\n push %rbx\n push %r12\n push %r13\n push %r14\n push %r15\n"
        "mov %rsp, outside_rsp(%rip)\n mov %rsi, outside_regs(%rip)\n"
        "mov %rdi, outside_target(%rip)\n"
        ".set i, 0\n"
        ".irp reg, rax, rcx, rdx, rbx, rsp, rbp, rsi, rdi, r8, r9, r10, r11, r12, r13, r14, r15\n"
        "movabs $(0x5ea1000000000000 + i * 0x0000010101010101), %\\reg\n"
        ".set i, i + 1\n"
        ".endr\n"
        "stc\n"
        "jmp *outside_target(%rip)\n"
        "outside_after:\n"
        "mov %rsp, outside_own_rsp(%rip)\n"
        "mov outside_regs(%rip), %rsp\n"
        "mov %rax, (%rsp)\n mov %rcx, 8(%rsp)\n mov %rdx, 16(%rsp)\n mov %rbx, 24(%rsp)\n"
        "mov %rbp, 40(%rsp)\n mov %rsi, 48(%rsp)\n mov %rdi, 56(%rsp)\n mov %r8, 64(%rsp)\n"
        "mov %r9, 72(%rsp)\n mov %r10, 80(%rsp)\n mov %r11, 88(%rsp)\n mov %r12, 96(%rsp)\n"
        "mov %r13, 104(%rsp)\n mov %r14, 112(%rsp)\n mov %r15, 120(%rsp)\n"
        "mov outside_own_rsp(%rip), %rax\n mov %rax, 32(%rsp)\n"
        "mov outside_rsp(%rip), %rsp\n"
        "pop %r15\n pop %r14\n pop %r13\n pop %r12\n pop %rbx\n pop %rbp\n ret\n"
        ".balign 32\n"
        "outside_first:\n" ILLEGAL_LIST(CASE)
        ".popsection\n"
        ".pushsection .bss\n"
        "outside_rsp: .quad 0\n outside_own_rsp: .quad 0\n"
        "outside_regs: .quad 0\n outside_target: .quad 0\n"
        ".popsection\n");
#undef CASE

static void handler(int signal, siginfo_t *info, void *context)
{
    const greg_t *regs = ((ucontext_t *)context)->uc_mcontext.gregs;
    long from = (long)info->si_addr - (long)instruction;

    printf(" signal %d code %d trap %lld error %llx rip %+lld", signal, info->si_code,
           regs[REG_TRAPNO], regs[REG_ERR], regs[REG_RIP] - (long long)instruction);
    if (from >= 0 && from < 16)
        printf(" addr at rip%+ld", from);
    else
        printf(" addr %p", info->si_addr);
    if (regs[REG_TRAPNO] == VECTOR_PF)
        printf(" cr2 %llx", regs[REG_CR2]);
    for (int n = 0; n < 16; n++) {
        static const int names[16] = {REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP,
                                      REG_RSI, REG_RDI, REG_R8,  REG_R9,  REG_R10, REG_R11,
                                      REG_R12, REG_R13, REG_R14, REG_R15};
        if ((uint64_t)regs[names[n]] != illegal_pattern(n))
            printf(" %d=%llx", n, regs[names[n]]);
    }
    siglongjmp(back, 1);
}

static void check(unsigned number)
{
    uint64_t regs[16];

    instruction = outside_first + 32 * number;
    printf("%s:", illegal_cases[number].text);
    if (sigsetjmp(back, 1) == 0) {
        outside(instruction, regs);
        printf(" done");
        for (int n = 0; n < 16; n++)
            if (regs[n] != illegal_pattern(n) && (illegal_cases[number].changes >> n & 1) == 0)
                printf(" %d=%lx", n, (unsigned long)regs[n]);
    }
    printf("\n");
}

int main(int argc, char **argv)
{
    static const int signals[] = {SIGILL, SIGTRAP, SIGBUS, SIGFPE, SIGSEGV, SIGSYS};
    static char stack[1 << 16];
    stack_t alternate = {.ss_sp = stack, .ss_size = sizeof(stack)};

    CHECK_EQ(sigaltstack(&alternate, NULL), 0);
    for (unsigned i = 0; i < sizeof(signals) / sizeof(*signals); i++)
        on_signal(signals[i], handler, SA_ONSTACK);
    if (argc > 1)
        enclave_build(argv[1]);
    for (unsigned number = 0; number < illegal_count(); number++)
        check(number);
    return 0;
}

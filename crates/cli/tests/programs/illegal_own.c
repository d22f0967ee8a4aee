/* Instructions that are illegal or privileged, inside, for a program with its own ENCLU: the signal with code, trap
 * number and address, the frame that the enclave finds when the handler enters it, and that the enclave goes on
 * once it has stepped over. */
#include "illegal_inside.h"
#include "own.h"

static struct enclave e;
static unsigned number;
static int caught;

static void handler(int signal, siginfo_t *info, void *context)
{
    const greg_t *regs = ((ucontext_t *)context)->uc_mcontext.gregs;
    int undefined = illegal_vector(&illegal_cases[number]) == VECTOR_UD;
    struct ssa_frame frame;
    struct own_exit left;
    struct op mend = {
        .function = OP_HANDLE, .a = illegal_length(&e, number), .b = (uint64_t)&frame};
    uint64_t rsp = own_rsp, rbp = own_rbp;

    caught++;
    CHECK_EQ(signal, undefined ? SIGILL : SIGSEGV);
    CHECK_EQ(info->si_signo, signal);
    CHECK_EQ(info->si_code, undefined ? ILL_ILLOPN : SI_KERNEL);
    CHECK_EQ((uint64_t)info->si_addr, undefined ? (uint64_t)own_aep : 0);
    CHECK_EQ(regs[REG_TRAPNO], illegal_vector(&illegal_cases[number]));
    CHECK_EQ(regs[REG_ERR], 0);
    check_aex_image(context, e.base + TCS(0), own_aep);

    own_enter(&mend, e.base + TCS(0), own_aep, &left);
    CHECK_EQ(left.rax, EEXIT);
    check_illegal_frame(&e, number, &frame);
    own_rsp = rsp;
    own_rbp = rbp;
}

static void check(void)
{
    const struct illegal_case *c = &illegal_cases[number];
    struct op op = {.function = OP_ILLEGAL, .a = number, .result = 0xdead};
    struct own_exit left;

    caught = 0;
    own_enter(&op, e.base + TCS(0), own_aep, &left);
    CHECK_EQ(left.rax, EEXIT);
    CHECK_EQ(caught, c->outcome != OK);
    if (c->outcome == OK)
        CHECK_EQ(op.result & ~c->changes, 0);
    else
        CHECK_EQ(op.result, illegal_lost(c));
}

int main(int argc, char **argv)
{
    (void)argc;
    static const int signals[] = {SIGILL, SIGTRAP, SIGBUS, SIGFPE, SIGSEGV, SIGSYS};

    e = enclave_build(argv[1]);
    for (unsigned i = 0; i < sizeof(signals) / sizeof(*signals); i++)
        on_signal(signals[i], handler, SA_NODEFER);
    for (number = 0; number < illegal_count(); number++) {
        check_context = illegal_cases[number].text;
        check();
    }
    return 0;
}

/* The same exact frame on an alternate signal stack, and with more signals pending behind it. */
#include "own.h"

static struct enclave e;
static volatile sig_atomic_t faults, users;
static char stack[65536];

static void on_fault(int signal, siginfo_t *info, void *frame)
{
    ucontext_t *context = frame;
    struct op mend = {.function = OP_HANDLE, .a = 3};
    struct own_exit left;
    uint64_t rsp = own_rsp, rbp = own_rbp;
    char here;

    (void)signal, (void)info;
    faults++;
    CHECK(&here > stack && &here < stack + sizeof(stack));
    CHECK_EQ(context->uc_mcontext.gregs[REG_ERR], 0x8007);
    CHECK_EQ(context->uc_mcontext.gregs[REG_CR2], e.base + TCS(1));
    CHECK_EQ(context->uc_mcontext.gregs[REG_TRAPNO], VECTOR_PF);
    check_aex_image(context, e.base + TCS(0), own_aep);
    own_enter(&mend, e.base + TCS(0), own_aep, &left);
    own_rsp = rsp;
    own_rbp = rbp;
}

static void on_user(int signal)
{
    (void)signal;
    users++;
}

int main(int argc, char **argv)
{
    (void)argc;
    stack_t alternate = {.ss_sp = stack, .ss_size = sizeof(stack)};
    struct own_exit left;
    sigset_t user;

    e = enclave_build(argv[1]);
    CHECK_EQ(sigaltstack(&alternate, NULL), 0);
    on_signal(SIGSEGV, on_fault, SA_ONSTACK);
    signal(SIGUSR1, on_user);
    sigemptyset(&user);
    sigaddset(&user, SIGUSR1);
    for (int i = 0; i < 20; i++) {
        struct op op = {.function = OP_STORE, .a = e.base + TCS(1) + 8};
        CHECK_EQ(sigprocmask(SIG_BLOCK, &user, NULL), 0);
        raise(SIGUSR1);
        own_enter(&op, e.base + TCS(0), own_aep, &left);
        CHECK_EQ(users, i);
        CHECK_EQ(sigprocmask(SIG_UNBLOCK, &user, NULL), 0);
        CHECK_EQ(faults, i + 1);
        CHECK_EQ(users, i + 1);
    }
    return 0;
}

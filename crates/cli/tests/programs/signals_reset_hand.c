/* A handler with SA_RESETHAND stays until a signal that the program really gets. */
#include "dispositions.h"

static volatile int called;

static void handler(int signal)
{
    (void)signal;
    called++;
}

int main(int argc, char **argv)
{
    (void)argc;
    struct enclave e = build_with_hole(argv[1]);
    struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESETHAND};

    for (int i = 0; i < FIVE; i++)
        CHECK_EQ(sigaction(five[i], &action, NULL), 0);
    check_undisturbed(&e, 0, 3);
    CHECK_EQ(called, 0);
    raise(SIGSEGV);
    CHECK_EQ(called, 1);
    CHECK_EQ(action_of(SIGSEGV).handler, (uint64_t)SIG_DFL);
    CHECK_EQ(action_of(SIGILL).handler, (uint64_t)handler);
    check_undisturbed(&e, 0, 1);
    return 0;
}

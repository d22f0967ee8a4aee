/* The five signals have handlers, which the vDSO function leaves alone. */
#include "dispositions.h"

static int called;

static void handler(int signal)
{
    (void)signal;
    called++;
}

int main(int argc, char **argv)
{
    (void)argc;
    struct enclave e = build_with_hole(argv[1]);
    static const int flags[FIVE] = {0, SA_RESTART, SA_NODEFER | SA_ONSTACK, SA_RESTART | SA_NODEFER,
                                    0};

    for (int i = 0; i < FIVE; i++) {
        struct sigaction action = {.sa_handler = handler, .sa_flags = flags[i]};
        sigemptyset(&action.sa_mask);
        sigaddset(&action.sa_mask, SIGUSR1 + i);
        CHECK_EQ(sigaction(five[i], &action, NULL), 0);
    }
    check_undisturbed(&e, 0, 3);
    set_blocked(mask_of_five());
    check_undisturbed(&e, 0, 3);
    CHECK_EQ(called, 0);

    /* They are really there: an ordinary signal still arrives, also one of the five. */
    set_blocked(0);
    raise(SIGSEGV);
    raise(SIGILL);
    CHECK_EQ(called, 2);
    return 0;
}

/* A fault inside, without vDSO and without a handler that may run, kills as it does on hardware:
 * a blocked or ignored fault signal gets its default action. */
#include <sys/wait.h>

#include "dispositions.h"
#include "own.h"

enum { DEFAULT, BLOCKED, IGNORED };

static void check(const struct enclave *e, int thread, struct op op, int signal, int how)
{
    pid_t child = fork();
    struct own_exit left;
    int status;

    CHECK(child >= 0);
    if (child == 0) {
        if (how == BLOCKED)
            set_blocked(1UL << (signal - 1));
        if (how == IGNORED)
            set_action(signal, (struct kernel_action){.handler = (uint64_t)SIG_IGN});
        own_enter(&op, e->base + TCS(thread), own_aep, &left);
        _exit(3);
    }
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK(WIFSIGNALED(status));
    CHECK_EQ(WTERMSIG(status), signal);
}

int main(int argc, char **argv)
{
    (void)argc;
    for (int how = DEFAULT; how <= IGNORED; how++) {
        struct enclave e = build_with_hole(argv[1]);
        check(&e, 0, (struct op){.function = OP_UNDEFINED}, SIGILL, how);
        check(&e, 1, (struct op){.function = OP_STORE, .a = e.base + TCS(0)}, SIGSEGV, how);
        check(&e, 2, (struct op){.function = OP_LOAD, .a = e.base + HOLE}, SIGBUS, how);
        /* Each child left its thread interrupted. */
        for (int thread = 0; thread < THREADS; thread++)
            CHECK_EQ(enclave_run(&e, thread, (struct op){.function = OP_NOP}), 1);
    }
    return 0;
}

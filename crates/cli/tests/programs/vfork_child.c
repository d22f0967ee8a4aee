/* A vfork child shares the memory and so the enclave; posix_spawn makes such children too. */
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>

#include "vdso.h"

extern char **environ;

int main(int argc, char **argv)
{
    struct enclave e = enclave_build(argv[1]);
    uint64_t word = e.base + DATA;
    int status;

    CHECK_EQ(enclave_run(&e, 0, (struct op){.function = OP_STORE, .a = word, .b = 5}), 0);
    if (argc > 2)
        return 23;
    for (int round = 0; round < 20; round++) {
        pid_t child = vfork();
        if (child == 0) {
            uint64_t got = enclave_run(&e, 0, (struct op){.function = OP_LOAD, .a = word});
            enclave_run(&e, 0, (struct op){.function = OP_STORE, .a = word, .b = got + 1});
            _exit(round);
        }
        CHECK_EQ(waitpid(child, &status, 0), child);
        CHECK(WIFEXITED(status));
        CHECK_EQ(WEXITSTATUS(status), round);
        CHECK_EQ(enclave_run(&e, 0, (struct op){.function = OP_LOAD, .a = word}), 6 + round);
    }
    char *again[] = {argv[0], argv[1], "again", NULL};
    for (int round = 0; round < 3; round++) {
        pid_t child;
        CHECK_EQ(posix_spawn(&child, argv[0], NULL, NULL, again, environ), 0);
        CHECK_EQ(waitpid(child, &status, 0), child);
        CHECK(WIFEXITED(status));
        CHECK_EQ(WEXITSTATUS(status), 23);
    }
    pid_t child;
    CHECK_EQ(posix_spawn(&child, "/no/such/program", NULL, NULL, again, environ), ENOENT);
    /* A child that a signal ends before it executes anything. */
    child = vfork();
    if (child == 0) {
        kill(getpid(), SIGKILL);
        _exit(1);
    }
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK(WIFSIGNALED(status));
    CHECK_EQ(WTERMSIG(status), SIGKILL);
    return 0;
}

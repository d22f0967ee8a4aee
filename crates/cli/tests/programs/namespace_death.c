/* A process with an enclave dies by a signal in a PID namespace of its own. */
#include <sched.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "vdso.h"

static void die_with_enclave(const char *image)
{
    struct enclave e = enclave_build(image);

    CHECK_EQ(enclave_run(&e, 0, (struct op){.function = OP_LOAD, .a = e.base + DATA}), DATA_WORD);
    alarm(10);
    *(volatile int *)8 = 1;
}

/* The namespace's first process: a signal without a handler would not kill it. */
static int first(const char *image)
{
    pid_t child = fork();
    int status;

    CHECK(child >= 0);
    if (child == 0) {
        die_with_enclave(image);
        _exit(0);
    }
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK(WIFSIGNALED(status));
    CHECK_EQ(WTERMSIG(status), SIGSEGV);
    return 0;
}

int main(int argc, char **argv)
{
    (void)argc;
    struct rlimit no_core = {0, 0};
    int status;

    CHECK_EQ(setrlimit(RLIMIT_CORE, &no_core), 0);
    CHECK(unshare(CLONE_NEWPID) == 0 || unshare(CLONE_NEWUSER | CLONE_NEWPID) == 0);
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0)
        _exit(first(argv[1]));
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(status, 0);
    return 0;
}

/* exit_group and execve by another thread while one is inside: the process goes at once, and the
 * frame of the thread is in use. */
#include <pthread.h>

#include "inside.h"

static struct enclave e;
static struct shared *shared;

static void *inside(void *unused)
{
    enclave_call(&e, 0, EENTER, &shared->op);
    return unused;
}

static void child(int how)
{
    pthread_t thread;

    CHECK_EQ(pthread_create(&thread, NULL, inside, NULL), 0);
    wait_for(&shared->started);
    if (how == 0)
        _exit(11);
    execl("/bin/sh", "sh", "-c", "exit 11", (char *)NULL);
    _exit(12);
}

int main(int argc, char **argv)
{
    (void)argc;
    e = enclave_build(argv[1]);
    shared = shared_memory();
    for (int how = 0; how < 2; how++) {
        int status;

        *shared = (struct shared){.op = {.function = OP_SPIN,
                                         .a = (uint64_t)&shared->started,
                                         .b = (uint64_t)&shared->stop,
                                         .result = 9}};
        pid_t pid = fork();
        CHECK(pid >= 0);
        if (pid == 0)
            child(how);
        CHECK_EQ(waitpid(pid, &status, 0), pid);
        CHECK(WIFEXITED(status));
        CHECK_EQ(WEXITSTATUS(status), 11);
        resume_orphan(&e, shared);
    }
    return 0;
}

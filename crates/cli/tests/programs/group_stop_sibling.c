/* The signal that stops a process goes to a thread outside; the one inside gets none and only comes to
 * stand. It is out of the enclave all the same, with one frame in use. */
#include <pthread.h>

#include "inside.h"

static struct enclave e;
static struct shared *shared;

static void *inside(void *unused)
{
    CHECK_EQ(enclave_call(&e, 0, EENTER, &shared->op).function, EEXIT);
    return unused;
}

static void child(void)
{
    pthread_t thread;

    CHECK_EQ(pthread_create(&thread, NULL, inside, NULL), 0);
    wait_for(&shared->started);
    for (int i = 0; i < 3; i++)
        raise(SIGSTOP);
    shared->stop = 1;
    CHECK_EQ(pthread_join(thread, NULL), 0);
    _exit(0);
}

int main(int argc, char **argv)
{
    (void)argc;
    int status;

    e = enclave_build(argv[1]);
    shared = shared_memory();
    shared->op = (struct op){.function = OP_SPIN,
                             .a = (uint64_t)&shared->started,
                             .b = (uint64_t)&shared->stop,
                             .result = 9};
    pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0)
        child();
    for (int i = 0; i < 3; i++) {
        CHECK_EQ(waitpid(pid, &status, WUNTRACED), pid);
        CHECK(WIFSTOPPED(status));
        pause_ms(50);
        CHECK_EQ(enclave_run(&e, 0, (struct op){.function = OP_NOP}), 1);
        CHECK_EQ(kill(pid, SIGCONT), 0);
    }
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK(WIFEXITED(status));
    CHECK_EQ(WEXITSTATUS(status), 0);
    CHECK_EQ(shared->op.result, 0);
    CHECK_EQ(enclave_run(&e, 0, (struct op){.function = OP_NOP}), 0);
    return 0;
}

/* A process is stopped and continued while a thread is inside: it goes on, and while it stands
 * its thread is out of the enclave with one frame in use. */
#include "inside.h"

int main(int argc, char **argv)
{
    (void)argc;
    struct enclave e = enclave_build(argv[1]);
    struct shared *shared = shared_memory();
    pid_t child = fork_inside(&e, shared);
    int status;

    for (int i = 0; i < 5; i++) {
        CHECK_EQ(kill(child, SIGSTOP), 0);
        CHECK_EQ(waitpid(child, &status, WUNTRACED), child);
        CHECK(WIFSTOPPED(status));
        CHECK_EQ(WSTOPSIG(status), SIGSTOP);
        CHECK_EQ(enclave_run(&e, 0, (struct op){.function = OP_NOP}), 1);
        CHECK_EQ(kill(child, SIGCONT), 0);
        CHECK_EQ(waitpid(child, &status, WCONTINUED), child);
        CHECK(WIFCONTINUED(status));
        pause_ms(20);
    }
    shared->stop = 1;
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK(WIFEXITED(status));
    CHECK_EQ(WEXITSTATUS(status), 0);
    CHECK_EQ(shared->op.result, 0);
    CHECK_EQ(enclave_run(&e, 0, (struct op){.function = OP_NOP}), 0);
    return 0;
}

/* SIGKILL while a thread is inside, many times: the TCS is free again with one frame in use, which
 * another process resumes. */
#include "inside.h"

int main(int argc, char **argv)
{
    (void)argc;
    struct enclave e = enclave_build(argv[1]);
    struct shared *shared = shared_memory();

    for (int i = 0; i < 10; i++) {
        pid_t child = fork_inside(&e, shared);
        int status;

        CHECK_EQ(kill(child, SIGKILL), 0);
        CHECK_EQ(waitpid(child, &status, 0), child);
        CHECK(WIFSIGNALED(status));
        CHECK_EQ(WTERMSIG(status), SIGKILL);
        resume_orphan(&e, shared);
    }
    return 0;
}

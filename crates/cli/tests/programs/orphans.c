/* Processes that are killed in the middle of a fork: the children live on and end like any other, whoever
 * takes them up. */
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

#define ROUNDS 60

static void fork_for_ever(void)
{
    for (;;) {
        if (fork() == 0)
            _exit(0);
        while (waitpid(-1, NULL, WNOHANG) > 0)
            continue;
    }
}

static void kill_forkers(void)
{
    int ends[2];
    char byte;

    /* Every orphan holds the pipe's end to write to. */
    CHECK_EQ(pipe(ends), 0);
    for (int i = 0; i < ROUNDS; i++) {
        pid_t parent = fork();
        CHECK(parent >= 0);
        if (parent == 0)
            fork_for_ever();
        usleep(1000 + i * 37 % 3000);
        CHECK_EQ(kill(parent, SIGKILL), 0);
        CHECK_EQ(waitpid(parent, NULL, 0), parent);
    }
    CHECK_EQ(close(ends[1]), 0);
    alarm(15);
    CHECK_EQ(read(ends[0], &byte, 1), 0);
    CHECK_EQ(close(ends[0]), 0);
    alarm(0);
}

int main(void)
{
    kill_forkers();
    CHECK_EQ(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
    kill_forkers();
    return 0;
}

/* Children that a signal meets at birth: nothing is lost, and nobody hangs. */
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

#define CHILDREN 150

static volatile sig_atomic_t got;

static void handler(int signal)
{
    got = signal;
}

static void child_of(int number)
{
    sigset_t none;

    sigemptyset(&none);
    while (number % 5 != 2 && !got) {
        if (number % 2)
            usleep(1000);
        else
            sigsuspend(&none);
    }
    _exit(number);
}

int main(void)
{
    static pid_t pids[CHILDREN];
    struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART};
    sigset_t blocked, before;

    CHECK_EQ(sigaction(SIGUSR1, &action, NULL), 0);
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGUSR1);
    for (int i = 0; i < CHILDREN; i++) {
        /* So that no signal comes between the test and the wait. */
        sigprocmask(SIG_BLOCK, &blocked, &before);
        pids[i] = fork();
        CHECK(pids[i] >= 0);
        if (pids[i] == 0) {
            if (i % 2)
                sigprocmask(SIG_SETMASK, &before, NULL);
            child_of(i);
        }
        sigprocmask(SIG_SETMASK, &before, NULL);
        switch (i % 5) {
        case 0: CHECK_EQ(kill(pids[i], SIGUSR1), 0); break;
        case 1: CHECK_EQ(kill(pids[i], SIGKILL), 0); break;
        case 2: break;
        case 3:
            CHECK_EQ(kill(pids[i], SIGSTOP), 0);
            CHECK_EQ(kill(pids[i], SIGUSR1), 0);
            CHECK_EQ(kill(pids[i], SIGCONT), 0);
            break;
        case 4: CHECK_EQ(kill(pids[i], SIGSTOP), 0); break;
        }
    }
    for (int i = 0; i < CHILDREN; i++) {
        int status;
        if (i % 5 == 4) {
            CHECK_EQ(waitpid(pids[i], &status, WUNTRACED), pids[i]);
            CHECK(WIFSTOPPED(status));
            CHECK_EQ(WSTOPSIG(status), SIGSTOP);
            CHECK_EQ(kill(pids[i], SIGUSR1), 0);
            CHECK_EQ(kill(pids[i], SIGCONT), 0);
            CHECK_EQ(waitpid(pids[i], &status, WCONTINUED), pids[i]);
            if (WIFCONTINUED(status))
                CHECK_EQ(waitpid(pids[i], &status, 0), pids[i]);
        } else {
            CHECK_EQ(waitpid(pids[i], &status, 0), pids[i]);
        }
        if (i % 5 == 1) {
            CHECK(WIFSIGNALED(status));
            CHECK_EQ(WTERMSIG(status), SIGKILL);
        } else {
            CHECK(WIFEXITED(status));
            CHECK_EQ(WEXITSTATUS(status), i);
        }
    }
    return 0;
}

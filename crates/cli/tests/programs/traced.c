/* Runs a command as a debugger does, tracing it: traced COMMAND... */
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

int main(int argc, char **argv)
{
    int status;

    CHECK(argc > 1);
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        CHECK_EQ(ptrace(PTRACE_TRACEME, 0, 0, 0), 0);
        execvp(argv[1], argv + 1);
        return 1;
    }
    while (waitpid(child, &status, 0) == child && WIFSTOPPED(status)) {
        int signal = WSTOPSIG(status);
        CHECK_EQ(ptrace(PTRACE_CONT, child, 0, signal == SIGTRAP ? 0 : signal), 0);
    }
    CHECK(WIFEXITED(status));
    return WEXITSTATUS(status);
}

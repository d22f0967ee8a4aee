/* One tracer for a thread: a debugger of the program's own is refused as the kernel refuses it. */
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

int main(void)
{
    int ends[2], status;
    char byte;

    CHECK_EQ(pipe(ends), 0);
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        CHECK_FAILS(ptrace(PTRACE_TRACEME, 0, 0, 0), EPERM);
        close(ends[1]);
        CHECK_EQ(read(ends[0], &byte, 1), 0);
        return 0;
    }
    CHECK_FAILS(ptrace(PTRACE_ATTACH, child, 0, 0), EPERM);
    CHECK_FAILS(ptrace(PTRACE_SEIZE, child, 0, 0), EPERM);
    CHECK_FAILS(ptrace(PTRACE_CONT, child, 0, 0), ESRCH);
    close(ends[1]);
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(status, 0);
    return 0;
}

/* A program that stops its own threads from a child in the same memory which no tracer follows, as
 * LeakSanitizer does at its end: refused, and nothing else goes wrong. */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

static char stack[1 << 16] __attribute__((aligned(16)));
static pid_t parent;
static volatile int refusal;

static int look(void *unused)
{
    (void)unused;
    refusal = ptrace(PTRACE_ATTACH, parent, 0, 0) == -1 ? errno : 0;
    return 0;
}

int main(void)
{
    int status;

    parent = getpid();
    pid_t child = clone(look, stack + sizeof(stack), CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_UNTRACED, 0);
    CHECK(child > 0);
    CHECK_EQ(waitpid(child, &status, __WALL), child);
    CHECK_EQ(status, 0);
    CHECK_EQ(refusal, EPERM);
    return 0;
}

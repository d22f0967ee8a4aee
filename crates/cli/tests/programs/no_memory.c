/* Executes a program that may end and nothing else; whatever else it does kills it. */
#include <unistd.h>

#include "filter.h"

int main(int argc, char **argv)
{
    const int calls[] = {SYS_execve, SYS_exit, -1};

    CHECK(argc > 1);
    filter_allow_only(SECCOMP_RET_KILL_PROCESS, calls);
    syscall(SYS_execve, argv[1], argv + 1, NULL);
    return 1;
}

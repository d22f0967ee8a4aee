/* Installs the longest filter that there can be, which counts. */
#include <unistd.h>

#include "filter.h"

int main(void)
{
    static struct sock_filter steps[BPF_MAXINSNS];
    struct sock_fprog program = {BPF_MAXINSNS, steps};

    for (int at = 0; at < BPF_MAXINSNS; at++)
        steps[at] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0);
    steps[BPF_MAXINSNS - 3] =
        (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getppid, 0, 1);
    steps[BPF_MAXINSNS - 2] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOTUNIQ);
    steps[BPF_MAXINSNS - 1] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    CHECK_EQ(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
    CHECK_EQ(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program), 0);
    CHECK_FAILS(syscall(SYS_getppid), ENOTUNIQ);
    return 0;
}

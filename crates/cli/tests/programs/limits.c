/* Prints what a program can see of how it was started. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    char cwd[4096];
    sigset_t mask;

    for (int i = 1; i < argc; i++)
        printf("argument %s\n", argv[i]);
    printf("directory %s\n", getcwd(cwd, sizeof(cwd)));
    mode_t old = umask(0);
    printf("umask %o\n", old);
    for (int i = 0; i < RLIM_NLIMITS; i++) {
        struct rlimit limit;
        if (getrlimit(i, &limit) == 0)
            printf("limit %d %llu %llu\n", i, (unsigned long long)limit.rlim_cur,
                   (unsigned long long)limit.rlim_max);
    }
    sigprocmask(SIG_BLOCK, NULL, &mask);
    for (int signal = 1; signal < 65; signal++) {
        struct sigaction action;
        if (sigaction(signal, NULL, &action) == 0 && action.sa_handler != SIG_DFL)
            printf("signal %d is not default\n", signal);
        if (sigismember(&mask, signal) == 1)
            printf("signal %d is blocked\n", signal);
    }
    /* Descriptors that nobody gave the program. */
    for (int fd = 3; fd < 1024; fd++)
        if (fcntl(fd, F_GETFD) >= 0)
            printf("descriptor %d is open\n", fd);
    printf("session %d group %d\n", getsid(0) == getsid(getppid()), getpgid(0) == getpid());
    return 0;
}

/* Becomes the first process of a PID namespace and executes a command there:
 * as_init proc|noproc COMMAND... The status is the command's; 77 where the host gives no namespaces. With `noproc`
 * /proc stays that of the namespace around. */
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

#define NO_NAMESPACES 77

static void put(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY);

    if (fd < 0 || write(fd, text, strlen(text)) < 0)
        _exit(NO_NAMESPACES);
    close(fd);
}

int main(int argc, char **argv)
{
    char map[64];
    int status;

    CHECK(argc > 2);
    if (unshare(CLONE_NEWPID | CLONE_NEWNS) != 0) {
        uid_t uid = getuid();
        gid_t gid = getgid();
        if (unshare(CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNS) != 0)
            return NO_NAMESPACES;
        put("/proc/self/setgroups", "deny");
        snprintf(map, sizeof(map), "0 %u 1", uid);
        put("/proc/self/uid_map", map);
        snprintf(map, sizeof(map), "0 %u 1", gid);
        put("/proc/self/gid_map", map);
    }
    if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
        return NO_NAMESPACES;
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        /* With it everything in the namespace. */
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (strcmp(argv[1], "proc") == 0 && mount("proc", "/proc", "proc", 0, NULL) != 0)
            _exit(NO_NAMESPACES);
        execvp(argv[2], argv + 2);
        perror(argv[2]);
        _exit(1);
    }
    CHECK_EQ(waitpid(child, &status, 0), child);
    if (WIFSIGNALED(status)) {
        signal(WTERMSIG(status), SIG_DFL);
        raise(WTERMSIG(status));
    }
    return WEXITSTATUS(status);
}

/* A descriptor of a node looks like a character device in every call, from the first, in every thread and after an
 * exec; what is no descriptor of a node looks like itself. */
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "enclave.h"

static void check_descriptor(int fd, mode_t type)
{
    struct stat plain, by_at;
    struct statx by_statx;

    CHECK_EQ(syscall(SYS_fstat, fd, &plain), 0);
    CHECK_EQ(plain.st_mode & S_IFMT, type);
    CHECK_EQ(syscall(SYS_newfstatat, fd, "", &by_at, AT_EMPTY_PATH), 0);
    CHECK_EQ(by_at.st_mode, plain.st_mode);
    CHECK_EQ(by_at.st_rdev, plain.st_rdev);
    CHECK_EQ(by_at.st_ino, plain.st_ino);
    CHECK_EQ(statx(fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &by_statx), 0);
    CHECK_EQ(by_statx.stx_mode, plain.st_mode);
    CHECK_EQ(by_statx.stx_ino, plain.st_ino);
}

static void *in_a_thread(void *fd)
{
    check_descriptor(*(int *)fd, S_IFCHR);
    return NULL;
}

int main(int argc, char **argv)
{
    struct stat st;

    if (argc > 1) {
        check_descriptor(0, S_IFCHR);
        return 0;
    }
    int file = open(argv[0], O_RDONLY);
    int node = open("/dev/sgx_enclave", O_RDWR);
    check_descriptor(node, S_IFCHR);
    check_descriptor(file, S_IFREG);
    int provision = open("/dev/sgx/provision", O_RDONLY);
    check_descriptor(provision, S_IFCHR);

    pthread_t thread;
    CHECK_EQ(pthread_create(&thread, NULL, in_a_thread, &node), 0);
    CHECK_EQ(pthread_join(thread, NULL), 0);

    CHECK_EQ(syscall(SYS_fstat, node, NULL), -1);
    CHECK_EQ(errno, EFAULT);
    CHECK_EQ(syscall(SYS_fstat, 999, &st), -1);
    CHECK_EQ(errno, EBADF);
    /* With a path of its own the descriptor is only where it begins, and an absolute one does without. */
    CHECK_EQ(syscall(SYS_newfstatat, node, argv[0], &st, AT_EMPTY_PATH), 0);
    CHECK(S_ISREG(st.st_mode));

    pid_t child = fork();
    if (child == 0) {
        CHECK_EQ(dup2(node, 0), 0);
        execl(argv[0], argv[0], "child", NULL);
        _exit(9);
    }
    int status;
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(status, 0);
    return 0;
}

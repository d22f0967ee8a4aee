/* The ways to open a node, and what the descriptor then is. */
#include <linux/openat2.h>
#include <sys/syscall.h>

#include "vdso.h"

static int open2(const char *path, uint64_t flags)
{
    struct open_how how = {.flags = flags};
    return (int)syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof(how));
}

/* The descriptor is of the device: it builds an enclave. */
static void check_device(const char *image, int fd)
{
    struct enclave e = enclave_load(image);
    struct secs secs = enclave_secs(&e);
    struct stat st;

    CHECK(fd >= 0);
    CHECK_EQ(fstat(fd, &st), 0);
    e.fd = fd;
    CHECK_EQ(enclave_create(&e, &secs), 0);
    enclave_add_all(&e);
    CHECK_EQ(enclave_init(&e), 0);
    enclave_map(&e);
    CHECK_EQ(enclave_run(&e, 0, (struct op){.function = OP_NOP}), 0);
    CHECK_EQ(munmap((void *)e.base, e.size), 0);
    CHECK_EQ(close(fd), 0);
}

/* A descriptor's path in /proc is a link, to whom does not follow it. */
static void check_links(const char *image, struct open_how *how)
{
    struct statx stx;
    struct stat st;
    char path[64];
    int fd = open(ENCLAVE_NODE, O_RDWR);

    CHECK(fd >= 0);
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    CHECK_EQ(stat(path, &st), 0);
    CHECK(S_ISCHR(st.st_mode));
    CHECK_EQ(lstat(path, &st), 0);
    CHECK(S_ISLNK(st.st_mode));
    CHECK_EQ(statx(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS, &stx), 0);
    CHECK(S_ISLNK(stx.stx_mode));
    CHECK_FAILS(open(path, O_RDWR | O_NOFOLLOW), ELOOP);
    how->resolve = RESOLVE_NO_MAGICLINKS;
    CHECK_FAILS(syscall(SYS_openat2, AT_FDCWD, path, how, sizeof(*how)), ELOOP);
    check_device(image, open(ENCLAVE_NODE, O_RDWR | O_NOFOLLOW));
    CHECK_EQ(lstat(ENCLAVE_NODE, &st), 0);
    CHECK(S_ISCHR(st.st_mode));
    CHECK_EQ(close(fd), 0);

    CHECK_FAILS(syscall(SYS_newfstatat, AT_FDCWD, ENCLAVE_NODE, &st, 1 << 20), EINVAL);
    CHECK_FAILS(syscall(SYS_statx, AT_FDCWD, ENCLAVE_NODE, 0x6000, STATX_BASIC_STATS, &stx), EINVAL);
    CHECK_FAILS(syscall(SYS_faccessat2, AT_FDCWD, ENCLAVE_NODE, R_OK, 1 << 20), EINVAL);
}

int main(int argc, char **argv)
{
    (void)argc;
    check_device(argv[1], open(ENCLAVE_NODE, O_RDWR));
    check_device(argv[1], (int)syscall(SYS_open, ENCLAVE_NODE, O_RDWR | O_CLOEXEC));
    check_device(argv[1], open2(ENCLAVE_NODE, O_RDWR | O_CLOEXEC));

    int fd = open(ENCLAVE_NODE, O_RDWR | O_CLOEXEC);
    CHECK_EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
    CHECK_EQ(fcntl(fd, F_GETFL) & O_ACCMODE, O_RDWR);
    int copy = dup(fd), other = fcntl(fd, F_DUPFD, 100);
    CHECK_EQ(fcntl(copy, F_GETFD), 0);
    CHECK_EQ(close(fd), 0);
    CHECK_EQ(close(other), 0);
    check_device(argv[1], copy);

    fd = open(ENCLAVE_NODE, O_RDWR);
    CHECK_EQ(fcntl(fd, F_GETFD), 0);
    CHECK_EQ(dup2(fd, 200), 200);
    CHECK_EQ(dup3(fd, 201, O_CLOEXEC), 201);
    CHECK_EQ(close(fd), 0);
    check_device(argv[1], 200);
    CHECK_EQ(fcntl(201, F_GETFD), FD_CLOEXEC);
    CHECK_EQ(close(201), 0);

    CHECK_FAILS(syscall(SYS_openat2, AT_FDCWD, ENCLAVE_NODE, NULL, sizeof(struct open_how)), EFAULT);
    CHECK_FAILS(open2(ENCLAVE_NODE, O_RDWR | 1UL << 40), EINVAL);
    CHECK_FAILS(open2(ENCLAVE_NODE, O_RDWR | 4), EINVAL);
    struct open_how how = {.flags = O_RDWR, .mode = 0600};
    CHECK_FAILS(syscall(SYS_openat2, AT_FDCWD, ENCLAVE_NODE, &how, sizeof(how)), EINVAL);
    how = (struct open_how){.flags = O_RDWR, .resolve = RESOLVE_NO_SYMLINKS};
    check_device(argv[1], (int)syscall(SYS_openat2, AT_FDCWD, ENCLAVE_NODE, &how, sizeof(how)));
    how.resolve = 1UL << 40;
    CHECK_FAILS(syscall(SYS_openat2, AT_FDCWD, ENCLAVE_NODE, &how, sizeof(how)), EINVAL);
    check_links(argv[1], &how);
    return 0;
}

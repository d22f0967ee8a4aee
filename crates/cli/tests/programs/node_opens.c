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
    return 0;
}

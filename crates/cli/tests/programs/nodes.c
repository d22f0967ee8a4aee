/* The device nodes are character devices of the misc class. */
#include <sys/sysmacros.h>

#include "enclave.h"

static dev_t check_node(const char *path)
{
    struct stat by_path, by_at;
    struct statx by_statx;

    CHECK_EQ(stat(path, &by_path), 0);
    CHECK(S_ISCHR(by_path.st_mode));
    CHECK_EQ(major(by_path.st_rdev), 10);
    CHECK_EQ(fstatat(AT_FDCWD, path, &by_at, 0), 0);
    CHECK_EQ(by_at.st_rdev, by_path.st_rdev);
    CHECK_EQ(by_at.st_mode, by_path.st_mode);
    CHECK_EQ(statx(AT_FDCWD, path, 0, STATX_BASIC_STATS, &by_statx), 0);
    CHECK(S_ISCHR(by_statx.stx_mode));
    CHECK_EQ(makedev(by_statx.stx_rdev_major, by_statx.stx_rdev_minor), by_path.st_rdev);
    CHECK_EQ(access(path, F_OK), 0);
    CHECK_EQ(access(path, R_OK | W_OK), 0);
    CHECK_EQ(faccessat(AT_FDCWD, path, R_OK | W_OK, AT_EACCESS), 0);
    for (int mode = O_RDONLY; mode <= O_RDWR; mode++) {
        int fd = open(path, mode | O_CLOEXEC);
        CHECK(fd >= 0);
        CHECK_EQ(fcntl(fd, F_GETFL) & O_ACCMODE, mode);
        CHECK_EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
        CHECK_EQ(close(fd), 0);
    }
    int fd = open(path, O_RDWR);
    CHECK(fd >= 0);
    CHECK_EQ(fcntl(fd, F_GETFD), 0);
    CHECK_EQ(close(fd), 0);
    return by_path.st_rdev;
}

int main(void)
{
    dev_t enclave = check_node("/dev/sgx_enclave");
    dev_t provision = check_node("/dev/sgx_provision");

    CHECK_EQ(check_node("/dev/sgx/enclave"), enclave);
    CHECK_EQ(check_node("/dev/sgx/provision"), provision);
    CHECK(enclave != provision);
    return 0;
}

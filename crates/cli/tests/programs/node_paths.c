/* The nodes by other ways to write their paths, and what is beside them. */
#include <sys/syscall.h>

#include "enclave.h"

static void check_open(int directory, const char *path)
{
    struct stat st;
    int fd = openat(directory, path, O_RDWR);

    CHECK(fd >= 0);
    CHECK_EQ(close(fd), 0);
    CHECK_EQ(fstatat(directory, path, &st, 0), 0);
    CHECK(S_ISCHR(st.st_mode));
    CHECK_EQ(faccessat(directory, path, R_OK, 0), 0);
}

int main(void)
{
    struct stat st;
    int dev = open("/dev", O_RDONLY | O_DIRECTORY);

    CHECK(dev >= 0);
    check_open(dev, "sgx_enclave");
    check_open(dev, "./sgx_enclave");
    check_open(AT_FDCWD, "/dev/../dev/sgx_enclave");
    check_open(AT_FDCWD, "//dev//sgx//enclave");
    check_open(AT_FDCWD, "/dev/./sgx/provision");
    CHECK_EQ(syscall(SYS_close, syscall(SYS_open, "/dev/sgx_enclave", O_RDWR)), 0);

    CHECK_EQ(chdir("/dev"), 0);
    check_open(AT_FDCWD, "sgx_enclave");
    check_open(AT_FDCWD, "sgx/provision");
    CHECK_EQ(chdir("/"), 0);
    check_open(AT_FDCWD, "dev/sgx_provision");

    CHECK_EQ(stat("/dev/sgx", &st), 0);
    CHECK(S_ISDIR(st.st_mode));
    CHECK_FAILS(open("/dev/sgx_enclav", O_RDWR), ENOENT);
    CHECK_FAILS(open("/dev/sgx_enclave2", O_RDWR), ENOENT);
    CHECK_FAILS(open("/dev/sgx/none", O_RDWR), ENOENT);
    CHECK_FAILS(open("/dev/isgx", O_RDWR), ENOENT);
    CHECK_FAILS(open("/dev/sgx_enclave/x", O_RDWR), ENOTDIR);
    CHECK_FAILS(open("/dev/sgx_enclave", O_RDWR | O_DIRECTORY), ENOTDIR);
    CHECK_FAILS(open("/dev/sgx_enclave", O_RDWR | O_CREAT | O_EXCL, 0600), EEXIST);
    int fd = open("/dev/sgx_enclave", O_RDWR | O_CREAT | O_TRUNC, 0600);
    CHECK(fd >= 0);
    CHECK_FAILS(stat((void *)8, &st), EFAULT);
    CHECK_FAILS(open((void *)8, O_RDONLY), EFAULT);
    return 0;
}

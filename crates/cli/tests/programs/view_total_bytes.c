/* sgx_total_bytes of a node says how much EPC CPUID announces. */
#include <cpuid.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check.h"

#define NODE "/sys/devices/system/node/node0"
#define FILE_NAME NODE "/x86/sgx_total_bytes"

static unsigned long long announced(void)
{
    unsigned a, b, c, d;
    unsigned long long total = 0;

    for (unsigned leaf = 2; leaf < 10; leaf++) {
        __cpuid_count(0x12, leaf, a, b, c, d);
        if ((a & 0xf) == 1)
            total += (c & 0xfffff000) + ((unsigned long long)(d & 0xfffff) << 32);
    }
    return total;
}

static void check_file(int fd)
{
    char text[64] = "", expected[64];

    CHECK(fd >= 0);
    CHECK(read(fd, text, sizeof(text) - 1) > 0);
    snprintf(expected, sizeof(expected), "%llu\n", announced());
    CHECK_EQ(strcmp(text, expected), 0);
    CHECK_EQ(read(fd, text, sizeof(text)), 0);
    CHECK_EQ(close(fd), 0);
}

int main(void)
{
    struct stat st;

    check_file(open(FILE_NAME, O_RDONLY));
    check_file(open("/sys/bus/node/devices/node0/x86/sgx_total_bytes", O_RDONLY | O_CLOEXEC));
    if (chdir(NODE) == 0) { /* a host without NUMA has no such directory */
        check_file(open("x86/sgx_total_bytes", O_RDONLY));
        check_file(open("../node0/./x86/sgx_total_bytes", O_RDONLY));
    }

    CHECK_EQ(stat(FILE_NAME, &st), 0);
    CHECK(S_ISREG(st.st_mode));
    CHECK_EQ(st.st_mode & 0777, 0444);
    CHECK_EQ(st.st_size, 4096);
    CHECK_EQ(stat(NODE "/x86", &st), 0);
    CHECK(S_ISDIR(st.st_mode));
    CHECK_EQ(stat(NODE "/x86/", &st), 0);
    CHECK_EQ(access(FILE_NAME, R_OK), 0);
    CHECK_FAILS(access(FILE_NAME, X_OK), EACCES);
    CHECK_FAILS(open(FILE_NAME, O_RDONLY | O_DIRECTORY), ENOTDIR);
    CHECK_FAILS(open(FILE_NAME, O_RDONLY | O_CREAT | O_EXCL, 0600), EEXIST);
    CHECK_FAILS(open("/sys/devices/system/node/node1023/x86/sgx_total_bytes", O_RDONLY), ENOENT);
    CHECK_FAILS(stat("/sys/devices/system/node/node1023/x86", &st), ENOENT);
    return 0;
}

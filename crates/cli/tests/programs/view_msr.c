/* /dev/cpu/N/msr: the registers of SGX, by pread and by lseek and read. */
#include <sys/sysmacros.h>
#include <sys/wait.h>

#include "vdso.h"

#define NODE "/dev/cpu/0/msr"
static const unsigned numbers[] = {0x3a, 0x8c, 0x8d, 0x8e, 0x8f};
#define COUNT (sizeof(numbers) / sizeof(*numbers))

static uint64_t by_pread(int fd, unsigned number)
{
    uint64_t value = 0x5555;

    CHECK_EQ(pread(fd, &value, sizeof(value), number), 8);
    return value;
}

static uint64_t by_lseek(int fd, unsigned number)
{
    uint64_t value = 0x5555;

    CHECK_EQ(lseek(fd, number, SEEK_SET), number);
    CHECK_EQ(read(fd, &value, sizeof(value)), 8);
    return value;
}

static void check_values(int fd)
{
    int other = open(NODE, O_RDONLY);

    CHECK(other >= 0);
    for (unsigned i = 0; i < COUNT; i++) {
        uint64_t value = by_pread(fd, numbers[i]), twice[2];
        CHECK(value != 0 && value != ~0UL);
        CHECK_EQ(by_lseek(fd, numbers[i]), value);
        CHECK_EQ(lseek(fd, numbers[i], SEEK_SET), numbers[i]);
        by_lseek(other, 0x3a); /* which does not change what this one reads */
        CHECK_EQ(read(fd, twice, 8), 8);
        CHECK_EQ(twice[0], value);
        CHECK_EQ(pread(fd, twice, sizeof(twice), numbers[i]), sizeof(twice));
        CHECK(twice[0] == value && twice[1] == value);
    }
    CHECK_EQ(by_pread(fd, 0x3a) & 0x60001, 0x60001); /* locked, launch control, SGX */
    CHECK_EQ(close(other), 0);
}

/* The hash is that of the signer whose enclave was initialised last. */
static void check_hash(int fd, const char *image)
{
    uint64_t before[4], again[4];
    struct enclave first = enclave_build(image);

    for (unsigned i = 0; i < 4; i++)
        before[i] = by_pread(fd, 0x8c + i);
    struct enclave second = enclave_build(image);
    for (unsigned i = 0; i < 4; i++)
        again[i] = by_lseek(fd, 0x8c + i);
    CHECK_EQ(memcmp(before, again, sizeof(before)), 0);
    CHECK(before[0] != before[1]);
    CHECK_EQ(close(first.fd), 0);
    CHECK_EQ(close(second.fd), 0);
}

/* Whatever looks like a register in another file is not one. */
static void check_other_file(void)
{
    FILE *file = tmpfile();
    uint8_t bytes[512];
    uint64_t value, expected;

    CHECK(file != NULL);
    for (unsigned i = 0; i < sizeof(bytes); i++)
        bytes[i] = (uint8_t)(i * 7);
    CHECK_EQ(write(fileno(file), bytes, sizeof(bytes)), sizeof(bytes));
    for (unsigned i = 0; i < 0xa0; i++) {
        memcpy(&expected, bytes + i, 8);
        CHECK_EQ(pread(fileno(file), &value, 8, i), 8);
        CHECK_EQ(value, expected);
        CHECK_EQ(lseek(fileno(file), i, SEEK_SET), i);
        CHECK_EQ(read(fileno(file), &value, 8), 8);
        CHECK_EQ(value, expected);
    }
    fclose(file);
}

int main(int argc, char **argv)
{
    (void)argc;
    struct stat st;
    uint64_t value;
    char path[64];
    int fd = open(NODE, O_RDONLY), status;

    CHECK(fd >= 0);
    check_values(fd);
    check_hash(fd, argv[1]);
    check_other_file();

    CHECK_FAILS(pread(fd, &value, 8, 0x3b), EIO);
    CHECK_FAILS(pread(fd, &value, 8, 0x8b), EIO);
    CHECK_FAILS(pread(fd, (void *)8, 8, 0x3a), EFAULT);
    CHECK_FAILS(write(fd, &value, 8), EBADF);
    CHECK_FAILS(mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0), ENODEV);
    CHECK_FAILS(open(NODE, O_RDWR), EPERM);
    CHECK_FAILS(open(NODE, O_WRONLY), EPERM);
    CHECK_FAILS(open(NODE, O_RDONLY | O_DIRECTORY), ENOTDIR);
    CHECK_FAILS(open("/dev/cpu/99999/msr", O_RDONLY), ENOENT);
    CHECK_FAILS(open("/dev/cpu/00/msr", O_RDONLY), ENOENT);

    CHECK_EQ(stat(NODE, &st), 0);
    CHECK(S_ISCHR(st.st_mode));
    CHECK_EQ(st.st_rdev, makedev(202, 0));
    CHECK_EQ(fstatat(fd, "", &st, AT_EMPTY_PATH), 0);
    CHECK_EQ(st.st_rdev, makedev(202, 0));
    CHECK_EQ(access(NODE, R_OK), 0);
    CHECK_FAILS(access(NODE, W_OK), EACCES);

    /* Copies of the descriptor, in other processes too, share its offset; one opened by its number does not. */
    CHECK_EQ(lseek(fd, 0x3a, SEEK_SET), 0x3a);
    pid_t child = fork();
    if (child == 0) {
        value = by_pread(fd, 0x8d);
        CHECK_EQ(by_lseek(dup(fd), 0x8d), value);
        exit(0);
    }
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(status, 0);
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    int again = open(path, O_RDONLY);
    CHECK(again >= 0);
    CHECK_EQ(lseek(again, 0x8c, SEEK_SET), 0x8c);
    value = by_pread(fd, 0x3a);
    CHECK_EQ(by_lseek(fd, 0x3a), value);
    CHECK_EQ(by_lseek(again, 0x3a), value);
    CHECK_EQ(close(fd), 0);
    CHECK_EQ(by_lseek(again, 0x3a), value);
    return 0;
}

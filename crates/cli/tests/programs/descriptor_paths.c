/* A descriptor of the node, opened once more by a path that names the descriptor: each is an open of the
 * node, so an enclave of its own, and its end leaves the first one alone. */
#include "vdso.h"

static void check_fresh(const struct enclave *first, int fd)
{
    struct enclave e = *first;
    struct secs secs = enclave_secs(&e);

    CHECK(fd >= 0);
    e.fd = fd;
    CHECK_EQ(enclave_create(&e, &secs), 0);
    CHECK_EQ(close(fd), 0);
    usleep(20000);
    CHECK_EQ(enclave_run(first, 0, (struct op){.function = OP_LOAD, .a = first->base + DATA}),
             DATA_WORD);
}

int main(int argc, char **argv)
{
    (void)argc;
    static const char *const paths[] = {"/proc/self/fd/%d", "/dev/fd/%d", "//proc/self/fd/%d",
                                        "/proc/self/fd/./%d", "/proc/thread-self/fd/%d",
                                        "/proc/self/../self/fd/%d"};
    struct enclave e = enclave_build(argv[1]);
    char path[64];

    for (unsigned i = 0; i < sizeof(paths) / sizeof(*paths); i++) {
        snprintf(path, sizeof(path), paths[i], e.fd);
        check_fresh(&e, open(path, O_RDWR));
    }
    snprintf(path, sizeof(path), "/proc/%d/fd/%d", getpid(), e.fd);
    check_fresh(&e, open(path, O_RDWR));
    snprintf(path, sizeof(path), "/proc/self/task/%d/fd/%d", gettid(), e.fd);
    check_fresh(&e, open(path, O_RDWR));

    int folder = open("/proc/self/fd", O_RDONLY | O_DIRECTORY);
    CHECK(folder >= 0);
    snprintf(path, sizeof(path), "%d", e.fd);
    check_fresh(&e, openat(folder, path, O_RDWR));
    CHECK_EQ(fchdir(folder), 0);
    check_fresh(&e, open(path, O_RDWR));
    return 0;
}

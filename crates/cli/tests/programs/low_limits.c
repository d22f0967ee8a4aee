/* Low limits of the program's own: files may have no bytes, and there are few descriptors. The
 * device needs one descriptor, as a character device does. */
#include <sys/resource.h>
#include <sys/wait.h>

#include "vdso.h"

static void limit(int resource, rlim_t value)
{
    struct rlimit wanted = {value, value}, got;

    CHECK_EQ(setrlimit(resource, &wanted), 0);
    CHECK_EQ(getrlimit(resource, &got), 0);
    CHECK_EQ(got.rlim_cur, value);
    CHECK_EQ(got.rlim_max, value);
}

int main(int argc, char **argv)
{
    (void)argc;
    int status, open_before = 0;

    for (int fd = 0; fd < 1024; fd++)
        open_before += fcntl(fd, F_GETFD) >= 0;
    limit(RLIMIT_FSIZE, 0);
    limit(RLIMIT_NOFILE, open_before + 2);
    limit(RLIMIT_CORE, 0);
    limit(RLIMIT_MEMLOCK, 0);
    pid_t child = fork();
    CHECK(child >= 0);
    for (int round = 0; round < 3; round++) {
        struct enclave e = enclave_build(argv[1]);
        uint64_t word = e.base + DATA + 3 * PAGE;
        CHECK_EQ(enclave_run(&e, 0, (struct op){.function = OP_STORE, .a = word, .b = 4}), 0);
        CHECK_EQ(enclave_run(&e, 1, (struct op){.function = OP_LOAD, .a = word}), 4);
        CHECK_EQ(close(e.fd), 0);
    }
    if (child == 0)
        return 0;
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(status, 0);

    /* No descriptor left: the same error as elsewhere. */
    int last = -1;
    for (int fd; (fd = dup(0)) >= 0;)
        last = fd;
    CHECK(last >= 0);
    CHECK_FAILS(open(ENCLAVE_NODE, O_RDWR), EMFILE);
    CHECK_EQ(close(last), 0);
    CHECK_EQ(open(ENCLAVE_NODE, O_RDWR), last);
    return 0;
}

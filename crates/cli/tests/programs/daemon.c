/* Becomes a daemon as of old: two forks, a session of its own, /, no descriptor left, and outlives the program that was
 * started. Then it builds an enclave, has children that do, and says in the file of the third argument how it went. */
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "vdso.h"

static void work(const char *image, const char *note)
{
    int status;
    struct enclave e = enclave_build(image);

    CHECK_EQ(enclave_run(&e, 0, (struct op){.function = OP_LOAD, .a = e.base + DATA}), DATA_WORD);
    pid_t child = fork();
    if (child == 0) {
        CHECK_EQ(enclave_run(&e, 1, (struct op){.function = OP_LOAD, .a = e.base + DATA}), DATA_WORD);
        struct enclave own = enclave_build(image);
        CHECK_EQ(enclave_run(&own, 1, (struct op){.function = OP_NOP}), 0);
        _exit(12);
    }
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(status, 12 << 8);
    int fd = open(note, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    CHECK_EQ(write(fd, "good\n", 5), 5);
    _exit(0);
}

int main(int argc, char **argv)
{
    CHECK(argc > 2);
    pid_t started = getpid(), middle = fork();

    CHECK(middle >= 0);
    if (middle > 0) {
        CHECK_EQ(waitpid(middle, NULL, 0), middle);
        return 3;
    }
    CHECK(setsid() > 0);
    pid_t daemon = fork();
    CHECK(daemon >= 0);
    if (daemon > 0)
        _exit(0);
    CHECK_EQ(chdir("/"), 0);
    umask(022);
    for (int fd = 0; fd < 3; fd++)
        close(fd);
    syscall(SYS_close_range, 0, ~0U, 0);
    prctl(PR_SET_NAME, "a daemon");
    while (kill(started, 0) == 0)
        usleep(1000);
    work(argv[1], argv[2]);
    return 1;
}

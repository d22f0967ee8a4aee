/* Children by clone with flags that C libraries do not use: each runs the enclave of its parent and makes its own,
 * sees the windows that it shares, and leaves the others alone. */
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "vdso.h"

static struct enclave e, second;
static const char *image;
static char stack[1 << 18] __attribute__((aligned(64)));
static volatile int handled;

static void on_fault(int signal)
{
    handled = signal;
    _exit(signal == SIGSEGV ? 44 : 1);
}

static int use(void *unused)
{
    (void)unused;
    uint64_t word = e.base + DATA + 16, got = 0;

    got = enclave_run(&e, 0, (struct op){.function = OP_LOAD, .a = word});
    enclave_run(&e, 1, (struct op){.function = OP_STORE, .a = word, .b = got + 1});
    struct enclave own = enclave_build(image);
    CHECK_EQ(enclave_run(&own, 0, (struct op){.function = OP_LOAD, .a = own.base + DATA}), DATA_WORD);
    CHECK_EQ(munmap((void *)own.base, own.size), 0);
    CHECK_EQ(close(own.fd), 0);
    return 17;
}

/* Leaves a new enclave mapped for who shares the memory. */
static int build_second(void *unused)
{
    (void)unused;
    second = enclave_build(image);
    return 17;
}

static int unmap_second(void *unused)
{
    (void)unused;
    return munmap((void *)second.base, second.size) == 0 ? 17 : 1;
}

/* A handler that the maker shares. */
static int take_handler(void *unused)
{
    (void)unused;
    struct sigaction action = {.sa_handler = on_fault};

    return sigaction(SIGSEGV, &action, NULL) == 0 ? 17 : 1;
}

static int run_clone(int (*what)(void *), int flags)
{
    int status = 0, signal = flags & 0xff;
    pid_t child = clone(what, stack + sizeof(stack), flags, NULL);

    CHECK(child > 0);
    CHECK_EQ(waitpid(child, &status, signal == SIGCHLD ? 0 : __WALL), child);
    CHECK(WIFEXITED(status));
    return WEXITSTATUS(status);
}

/* A sibling: its death is its grandparent's to hear. */
static int with_parent(void)
{
    int status;
    pid_t middle = fork();

    CHECK(middle >= 0);
    if (middle == 0) {
        pid_t child = clone(use, stack + sizeof(stack), CLONE_PARENT | SIGCHLD, NULL);
        _exit(child > 0 && waitpid(child, NULL, 0) == -1 && errno == ECHILD ? 3 : 1);
    }
    int seen = 0;
    for (int i = 0; i < 2; i++) {
        CHECK(wait(&status) > 0);
        CHECK(WIFEXITED(status));
        seen |= WEXITSTATUS(status) == 3 ? 1 : WEXITSTATUS(status) == 17 ? 2 : 4;
    }
    return seen;
}

static int by_clone3(uint64_t flags)
{
    struct clone_args args = {.flags = flags, .exit_signal = SIGCHLD};
    int status;
    long child = syscall(SYS_clone3, &args, sizeof(args));

    CHECK(child >= 0 || errno == ENOSYS);
    if (child < 0)
        return 17;
    if (child == 0)
        _exit(use(NULL));
    CHECK_EQ(waitpid((pid_t)child, &status, 0), child);
    CHECK(WIFEXITED(status));
    return WEXITSTATUS(status);
}

/* Faults are handled by who took the handler, wherever that was. */
static void check_shared_handlers(void)
{
    int status;

    CHECK_EQ(run_clone(take_handler, CLONE_VM | CLONE_SIGHAND | SIGCHLD), 17);
    struct sigaction now;
    CHECK_EQ(sigaction(SIGSEGV, NULL, &now), 0);
    CHECK(now.sa_handler == on_fault);
    pid_t child = fork();
    if (child == 0) {
        *(volatile int *)8 = 1;
        _exit(1);
    }
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK(WIFEXITED(status));
    CHECK_EQ(WEXITSTATUS(status), 44);
    signal(SIGSEGV, SIG_DFL);
}

int main(int argc, char **argv)
{
    (void)argc;
    const int flags[] = {
        SIGCHLD,
        0,
        CLONE_FILES | SIGCHLD,
        CLONE_FS | CLONE_FILES | SIGCHLD,
        CLONE_VM | SIGCHLD,
        CLONE_VM | CLONE_FILES | SIGCHLD,
        CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | SIGCHLD,
        CLONE_VM | CLONE_VFORK | SIGCHLD,
        CLONE_VM | CLONE_SIGHAND | CLONE_VFORK,
        CLONE_VFORK | SIGCHLD,
        CLONE_IO | CLONE_SYSVSEM | SIGCHLD,
    };
    uint64_t word, count = 0;

    image = argv[1];
    e = enclave_build(image);
    word = e.base + DATA + 16;
    CHECK_EQ(enclave_run(&e, 0, (struct op){.function = OP_STORE, .a = word}), 0);
    for (unsigned i = 0; i < sizeof(flags) / sizeof(*flags); i++) {
        CHECK_EQ(run_clone(use, flags[i]), 17);
        CHECK_EQ(enclave_run(&e, 2, (struct op){.function = OP_LOAD, .a = word}), ++count);
    }
    CHECK_EQ(with_parent(), 3);
    CHECK_EQ(enclave_run(&e, 2, (struct op){.function = OP_LOAD, .a = word}), ++count);
    CHECK_EQ(by_clone3(0), 17);
    CHECK_EQ(by_clone3(CLONE_CLEAR_SIGHAND), 17);

    /* Windows of one memory. */
    CHECK_EQ(run_clone(build_second, CLONE_VM | CLONE_FILES | SIGCHLD), 17);
    word = second.base + DATA;
    CHECK_EQ(enclave_run(&second, 0, (struct op){.function = OP_LOAD, .a = word}), DATA_WORD);
    CHECK_EQ(run_clone(unmap_second, CLONE_VM | SIGCHLD), 17);
    struct op op = {.function = OP_NOP};
    struct sgx_run run = enclave_call(&second, 0, EENTER, &op);
    CHECK_EQ(run.function, EENTER);
    CHECK_EQ(run.exception_vector, VECTOR_PF);
    CHECK_EQ(close(second.fd), 0);

    check_shared_handlers();
    CHECK_EQ(run_clone(use, SIGCHLD), 17);
    return 0;
}

/* Parent and child of a fork are inside one enclave at once, on different TCSs, each waiting for what the other
 * stores into enclave memory; meanwhile a sibling, which has the enclave too, executes one program after the
 * other. Forks by the bare system calls. Static. */
#include <linux/sched.h>
#include <sys/syscall.h>

#include "children.h"
#include "enter.h"
#include "inside.h"

#define ROUNDS 200
#define EXECS 20

struct table {
    volatile uint32_t done[2], round[2], execs;
};

static struct enclave e;
static struct table *table;

/* Words of round n that the two tell each other by; never used twice. */
static uint64_t word(int side, int n)
{
    return e.base + DATA + PAGE + (uint64_t)(n * 2 + side) * 8;
}

static void meet(int side)
{
    for (int n = 0; n < ROUNDS; n++) {
        /* Neither gets out before the other is in. */
        struct op op = {.function = OP_SPIN, .a = word(side, n), .b = word(!side, n), .result = 9};
        CHECK_EQ(enter(&op, e.base + TCS(side)), EEXIT);
        CHECK_EQ(op.result, 0);
        op = (struct op){.function = OP_LOAD, .a = word(!side, n)};
        CHECK_EQ(enter(&op, e.base + TCS(side)), EEXIT);
        CHECK_EQ(op.result, 1);
        table->round[side] = (uint32_t)n + 1;
    }
    table->done[side] = 1;
}

static pid_t raw_fork(int how)
{
    struct clone_args args = {.exit_signal = SIGCHLD};

    switch (how) {
    case 0: return (pid_t)syscall(SYS_fork);
    case 1: return (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
    default: return (pid_t)syscall(SYS_clone3, &args, sizeof(args));
    }
}

/* Executes until both are done, by fork and by vfork, and at last in its own place. */
static void execute(char **argv)
{
    char *const args[] = {argv[0], argv[1], "again", NULL};

    while (!table->done[0] || !table->done[1] || table->execs < EXECS) {
        pid_t child = table->execs & 1 ? vfork() : raw_fork(0);
        if (child == 0) {
            execv(argv[0], args);
            _exit(1);
        }
        CHECK_EQ(finish(child), 21);
        table->execs++;
    }
    execv(argv[0], args);
    _exit(1);
}

int main(int argc, char **argv)
{
    if (argc > 2)
        return 21;
    for (int how = 0; how < 3; how++) {
        e = enclave_build(argv[1]);
        table = (struct table *)shared_memory();
        pid_t sibling = raw_fork(how);
        CHECK(sibling >= 0);
        if (sibling == 0)
            execute(argv);
        pid_t child = raw_fork(how);
        CHECK(child >= 0);
        if (child == 0) {
            meet(1);
            _exit(20);
        }
        meet(0);
        CHECK_EQ(finish(child), 20);
        CHECK_EQ(finish(sibling), 21);
        CHECK_EQ(table->round[0] + table->round[1], 2 * ROUNDS);
        CHECK_EQ(munmap((void *)e.base, e.size), 0);
        close(e.fd);
    }
    return 0;
}

/* A child process with a thread inside the enclave, which the parent then disturbs. The enclave is
 * the parent's, and they share it. */
#ifndef INSIDE_H
#define INSIDE_H

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>

#include "vdso.h"

/* Memory that parent and child share. */
struct shared {
    volatile uint32_t started, stop;
    struct op op;
};

static inline struct shared *shared_memory(void)
{
    struct shared *shared =
        mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(shared != MAP_FAILED);
    return shared;
}

static inline void pause_ms(long ms)
{
    struct timespec time = {ms / 1000, ms % 1000 * 1000000};
    nanosleep(&time, NULL);
}

static inline void wait_for(volatile uint32_t *flag)
{
    for (int i = 0; i < 10000 && !*flag; i++)
        pause_ms(1);
    CHECK(*flag);
}

/* The child: enters thread 0 with OP_SPIN and ends with 0 once it is stopped. */
static inline pid_t fork_inside(const struct enclave *e, struct shared *shared)
{
    shared->started = 0;
    shared->stop = 0;
    shared->op = (struct op){.function = OP_SPIN,
                             .a = (uint64_t)&shared->started,
                             .b = (uint64_t)&shared->stop,
                             .result = 9};
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        struct sgx_run run = enclave_call(e, 0, EENTER, &shared->op);
        _exit(run.function == EEXIT ? 0 : 1);
    }
    wait_for(&shared->started);
    return child;
}

/* The thread that a dead process left interrupted: one frame in use, and any process may resume
 * it. */
static inline void resume_orphan(const struct enclave *e, struct shared *shared)
{
    struct op unused = {0};

    CHECK_EQ(enclave_run(e, 0, (struct op){.function = OP_NOP}), 1);
    shared->stop = 1;
    CHECK_EQ(enclave_call(e, 0, ERESUME, &unused).function, EEXIT);
    CHECK_EQ(shared->op.result, 0);
    CHECK_EQ(enclave_run(e, 0, (struct op){.function = OP_NOP}), 0);
}

#endif

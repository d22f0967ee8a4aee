/* A thread ends in the handler that interrupted it inside: its process and the enclave go on, its TCS is free with
 * one frame in use, and another thread resumes that. */
#include <pthread.h>
#include <sys/syscall.h>

#include "inside.h"

#define ROUNDS 15

static struct enclave e;
static struct op spin;
static volatile uint32_t started, stop;

static void handler(int signal)
{
    (void)signal;
    syscall(SYS_exit, 0);
}

static void *inside(void *unused)
{
    enclave_call(&e, 0, EENTER, &spin);
    CHECK(0);
    return unused;
}

static void *resume(void *unused)
{
    struct op none = {0};

    CHECK_EQ(enclave_run(&e, 0, (struct op){.function = OP_NOP}), 1);
    stop = 1;
    CHECK_EQ(enclave_call(&e, 0, ERESUME, &none).function, EEXIT);
    return unused;
}

int main(int argc, char **argv)
{
    (void)argc;
    e = enclave_build(argv[1]);
    signal(SIGUSR1, handler);
    for (int i = 0; i < ROUNDS; i++) {
        pthread_t thread, other;

        started = stop = 0;
        spin = (struct op){.function = OP_SPIN, .a = (uint64_t)&started, .b = (uint64_t)&stop, .result = 9};
        CHECK_EQ(pthread_create(&thread, NULL, inside, NULL), 0);
        wait_for(&started);
        CHECK_EQ(pthread_kill(thread, SIGUSR1), 0);
        /* The kernel tells of its end as of any other's. */
        CHECK_EQ(pthread_join(thread, NULL), 0);
        CHECK_EQ(pthread_create(&other, NULL, resume, NULL), 0);
        CHECK_EQ(pthread_join(other, NULL), 0);
        CHECK_EQ(spin.result, 0);
        CHECK_EQ(enclave_run(&e, 0, (struct op){.function = OP_NOP}), 0);
    }
    return 0;
}

/* Three threads inside, while a fourth sends signals to each of them. */
#include <pthread.h>
#include <signal.h>
#include <time.h>

#include "vdso.h"

#define ROUNDS 300

static struct enclave e;
static volatile uint32_t started[THREADS], stop;
static volatile int handled;

static void handler(int signal)
{
    (void)signal;
    __atomic_add_fetch(&handled, 1, __ATOMIC_RELAXED);
}

static void *inside(void *number)
{
    long n = (long)number;
    struct op op = {.function = OP_KEEP, .a = (uint64_t)&started[n], .b = (uint64_t)&stop};

    CHECK_EQ(enclave_run(&e, (int)n, op), 0);
    return NULL;
}

int main(int argc, char **argv)
{
    (void)argc;
    struct timespec pause = {0, 500000};
    pthread_t threads[THREADS];

    e = enclave_build(argv[1]);
    signal(SIGUSR1, handler);
    for (long i = 0; i < THREADS; i++)
        CHECK_EQ(pthread_create(&threads[i], NULL, inside, (void *)i), 0);
    for (int i = 0; i < THREADS; i++)
        while (!started[i])
            nanosleep(&pause, NULL);
    for (int round = 0; round < ROUNDS; round++) {
        int before = handled;
        CHECK_EQ(pthread_kill(threads[round % THREADS], SIGUSR1), 0);
        for (int i = 0; i < 20000 && handled == before; i++)
            nanosleep(&pause, NULL);
    }
    stop = 1;
    for (int i = 0; i < THREADS; i++)
        CHECK_EQ(pthread_join(threads[i], NULL), 0);
    CHECK_EQ(handled, ROUNDS);
    for (int i = 0; i < THREADS; i++)
        CHECK_EQ(enclave_run(&e, i, (struct op){.function = OP_NOP}), 0);
    return 0;
}

/* Two threads inside at once; a busy TCS refuses a second; a TCS is not bound to a thread. */
#include <pthread.h>
#include <time.h>

#include "vdso.h"

static struct enclave e;
static volatile uint32_t started[2], stop;

static void *spin(void *number)
{
    long n = (long)number;
    struct op op = {.function = OP_SPIN, .a = (uint64_t)&started[n], .b = (uint64_t)&stop};

    CHECK_EQ(enclave_run(&e, (int)n, op), 0);
    return NULL;
}

static void *nop(void *unused)
{
    for (int i = 0; i < 50; i++)
        for (int thread = 0; thread < THREADS; thread++)
            CHECK_EQ(enclave_run(&e, thread, (struct op){.function = OP_NOP}), 0);
    return unused;
}

int main(int argc, char **argv)
{
    (void)argc;
    struct timespec pause = {0, 1000000};
    pthread_t threads[2];
    struct op op = {.function = OP_NOP, .result = 9};

    e = enclave_build(argv[1]);
    for (long i = 0; i < 2; i++)
        CHECK_EQ(pthread_create(&threads[i], NULL, spin, (void *)i), 0);
    while (!started[0] || !started[1])
        nanosleep(&pause, NULL);
    vdso_stack_bias = 8;
    for (int i = 0; i < 2; i++) {
        struct sgx_run run = enclave_call(&e, i, EENTER, &op);
        CHECK_EQ(run.function, EENTER);
        CHECK_EQ(run.exception_vector, VECTOR_GP);
        CHECK_EQ(op.result, 9);
    }
    vdso_stack_bias = 0;
    CHECK_EQ(enclave_run(&e, 2, (struct op){.function = OP_NOP}), 0);
    stop = 1;
    for (int i = 0; i < 2; i++)
        CHECK_EQ(pthread_join(threads[i], NULL), 0);

    nop(NULL);
    CHECK_EQ(pthread_create(&threads[0], NULL, nop, NULL), 0);
    CHECK_EQ(pthread_join(threads[0], NULL), 0);
    nop(NULL);
    return 0;
}

/* Eight threads on eight TCSs compute, each lap on another TCS and wherever the scheduler and their changing
 * affinities put them, while signals come: all results are exact, and each TCS serves whoever comes. */
#define THREADS 8

#include <asm/prctl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>

#include "compute.h"
#include "enclave.h"
#include "enter.h"

#define LAPS 60
#define ROUNDS 3000

static struct enclave e;
static unsigned level;
static int cpus, cpu[CPU_SETSIZE];
static struct compute_page expected __attribute__((aligned(4096)));
static pthread_mutex_t tcs_lock[THREADS];
static pthread_barrier_t all_inside;
static volatile int finished, handled;

static void handler(int signal)
{
    (void)signal;
    __atomic_add_fetch(&handled, 1, __ATOMIC_RELAXED);
}

static void move_to(int which)
{
    cpu_set_t set;

    CPU_ZERO(&set);
    CPU_SET(cpu[which % cpus], &set);
    CHECK_EQ(sched_setaffinity(0, sizeof(set), &set), 0);
}

/* All eight are inside at once: none gets out before the last is in. */
static void meet(int number)
{
    static volatile uint32_t in[THREADS];

    pthread_barrier_wait(&all_inside);
    for (int other = 0; other < THREADS; other++) {
        struct op op = {.function = OP_SPIN, .a = (uint64_t)&in[number], .b = (uint64_t)&in[other]};
        CHECK_EQ(enter(&op, e.base + TCS(number)), EEXIT);
        CHECK_EQ(op.result, 0);
    }
    pthread_barrier_wait(&all_inside);
}

static void *run(void *argument)
{
    int number = (int)(long)argument;
    uint8_t result[3072];
    uint32_t left = 1;

    meet(number);
    for (int lap = 0; lap < LAPS; lap++) {
        int tcs = (number + lap * 3) % THREADS;
        struct op op = {.function = OP_COMPUTE, .a = ROUNDS, .b = level, .c = (uint64_t)result,
                        .d = (uint64_t)&left};
        memset(result, 0, sizeof(result));
        move_to(number + lap);
        pthread_mutex_lock(&tcs_lock[tcs]);
        CHECK_EQ(enter(&op, e.base + TCS(tcs)), EEXIT);
        pthread_mutex_unlock(&tcs_lock[tcs]);
        CHECK_EQ(compute_differ(result, expected.result), 0);
        CHECK_EQ(left, 0);
    }
    __atomic_add_fetch(&finished, 1, __ATOMIC_RELAXED);
    return NULL;
}

static void compute_expected(void)
{
    void *code = mmap(NULL, COMPUTE_CODE_PAGES * PAGE, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    CHECK(code != MAP_FAILED);
    compute_copy(code, e.image);
    CHECK_EQ(mprotect(code, COMPUTE_CODE_PAGES * PAGE, PROT_READ | PROT_EXEC), 0);
    CHECK_EQ(syscall(SYS_arch_prctl, ARCH_SET_GS, &expected), 0);
    compute_outside(code, &expected, ROUNDS, level);
}

int main(int argc, char **argv)
{
    (void)argc;
    struct timespec pause = {0, 2000000};
    pthread_t threads[THREADS];
    cpu_set_t allowed;

    level = compute_level();
    e = enclave_load(argv[1]);
    struct secs secs = enclave_secs(&e);
    secs.xfrm = compute_xfrm(level);
    enclave_build_with(&e, &secs);
    compute_expected();

    CHECK_EQ(sched_getaffinity(0, sizeof(allowed), &allowed), 0);
    for (int i = 0; i < CPU_SETSIZE; i++)
        if (CPU_ISSET(i, &allowed))
            cpu[cpus++] = i;
    CHECK(signal(SIGUSR1, handler) != SIG_ERR);
    CHECK_EQ(pthread_barrier_init(&all_inside, NULL, THREADS), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_mutex_init(&tcs_lock[i], NULL);
    for (long i = 0; i < THREADS; i++)
        CHECK_EQ(pthread_create(&threads[i], NULL, run, (void *)i), 0);
    for (int i = 0; finished < THREADS; i++) {
        pthread_kill(threads[i % THREADS], SIGUSR1);
        nanosleep(&pause, NULL);
    }
    for (int i = 0; i < THREADS; i++)
        CHECK_EQ(pthread_join(threads[i], NULL), 0);
    CHECK(handled > 0);
    for (int i = 0; i < THREADS; i++) {
        struct op op = {.function = OP_NOP, .result = 9};
        CHECK_EQ(enter(&op, e.base + TCS(i)), EEXIT);
        CHECK_EQ(op.result, 0);
    }
    return 0;
}

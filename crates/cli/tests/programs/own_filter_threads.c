/* Threads with filters of their own, from before the first device: what each of them does to the enclave's mappings counts,
 * and so do actions that any of them takes. */
#include <pthread.h>
#include <signal.h>

#include "filter.h"
#include "vdso.h"

#define WORKERS 3

static struct enclave e;
static pthread_barrier_t barrier;
static volatile int handled;

static void on_fault(int signal)
{
    handled = signal;
    _exit(0);
}

static void wait_for_all(void)
{
    pthread_barrier_wait(&barrier);
}

static void *work(void *argument)
{
    long number = (long)argument;
    const int calls[] = {SYS_getppid, -1};
    const uint64_t page = e.base + READ_ONLY;

    if (number != 0)
        filter_refuse(SECCOMP_RET_ERRNO | (number == 1 ? EPERM : EXDEV), calls);
    wait_for_all();
    /* The enclave is made by the first. */
    wait_for_all();
    struct op op = {.function = OP_LOAD, .a = page}, unused = {0};
    if (number == 1) {
        CHECK_FAILS(syscall(SYS_getppid), EPERM);
        CHECK_EQ(mprotect((void *)page, PAGE, PROT_NONE), 0);
        CHECK_EQ(enclave_call(&e, 1, EENTER, &op).exception_vector, VECTOR_PF);
        enclave_step_over(&e, 1, 3, NULL);
        CHECK_EQ(enclave_call(&e, 1, ERESUME, &unused).function, EEXIT);
        CHECK_FAILS(mprotect((void *)page, PAGE, PROT_READ | PROT_WRITE), EACCES);
        CHECK_EQ(mprotect((void *)page, PAGE, PROT_READ), 0);
        CHECK_EQ(enclave_call(&e, 1, EENTER, &op).function, EEXIT);
    }
    wait_for_all();
    if (number == 2) {
        CHECK_FAILS(syscall(SYS_getppid), EXDEV);
        CHECK_EQ(munmap((void *)page, PAGE), 0);
        struct sgx_run run = enclave_call(&e, 2, EENTER, &op);
        CHECK_EQ(run.exception_vector, VECTOR_PF);
        struct sigaction action = {.sa_handler = on_fault};
        CHECK_EQ(sigaction(SIGSEGV, &action, NULL), 0);
    }
    wait_for_all();
    return NULL;
}

int main(int argc, char **argv)
{
    (void)argc;
    pthread_t threads[WORKERS];

    vdso_enter();
    e = enclave_load(argv[1]);
    CHECK_EQ(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
    CHECK_EQ(pthread_barrier_init(&barrier, NULL, WORKERS + 1), 0);
    for (long i = 0; i < WORKERS; i++)
        CHECK_EQ(pthread_create(&threads[i], NULL, work, (void *)i), 0);
    wait_for_all();
    struct secs secs = enclave_secs(&e);
    enclave_build_with(&e, &secs);
    struct op op = {.function = OP_LOAD, .a = e.base + READ_ONLY};
    CHECK_EQ(enclave_call(&e, 0, EENTER, &op).function, EEXIT);
    wait_for_all();
    wait_for_all();
    wait_for_all();
    for (long i = 0; i < WORKERS; i++)
        CHECK_EQ(pthread_join(threads[i], NULL), 0);
    *(volatile int *)8 = 1;
    return 1;
}

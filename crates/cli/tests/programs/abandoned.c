/* A handler that jumps away leaves the frame interrupted: CSSA goes up until no frame is left. */
#include <setjmp.h>
#include <signal.h>
#include <sys/time.h>

#include "vdso.h"

static sigjmp_buf out;

static void jump(int signal)
{
    (void)signal;
    siglongjmp(out, 1);
}

int main(int argc, char **argv)
{
    (void)argc;
    struct enclave e = enclave_build(argv[1]);
    static volatile uint32_t started, never;
    struct itimerval timer = {{0, 0}, {0, 20000}};
    struct op unused = {0};

    signal(SIGALRM, jump);
    for (volatile int i = 0; i < FRAMES; i++) {
        CHECK_EQ(enclave_run(&e, 0, (struct op){.function = OP_NOP}), (uint64_t)i);
        started = 0;
        if (sigsetjmp(out, 1) == 0) {
            struct op op = {.function = OP_SPIN, .a = (uint64_t)&started, .b = (uint64_t)&never};
            setitimer(ITIMER_REAL, &timer, NULL);
            enclave_call(&e, 0, EENTER, &op);
            CHECK(0);
        }
        CHECK(started == 1);
    }
    struct sgx_run run = enclave_call(&e, 0, EENTER, &unused);
    CHECK_EQ(run.function, EENTER);
    CHECK_EQ(run.exception_vector, VECTOR_GP);
    /* The other threads do not care. */
    CHECK_EQ(enclave_run(&e, 1, (struct op){.function = OP_NOP}), 0);
    return 0;
}

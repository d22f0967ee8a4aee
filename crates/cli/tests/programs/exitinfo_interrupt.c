/* An exit by an interrupt leaves no exit information in the frame. */
#include <setjmp.h>
#include <signal.h>
#include <sys/time.h>

#include "vdso.h"

static struct ssa_frame frame;
static sigjmp_buf out;
static volatile uint32_t started;

static void soon(void)
{
    struct itimerval timer = {{0, 0}, {0, 20000}};

    CHECK_EQ(setitimer(ITIMER_REAL, &timer, NULL), 0);
}

/* Leaves from within the loop, and not from before it. */
static void jump(int signal)
{
    (void)signal;
    if (started)
        siglongjmp(out, 1);
    soon();
}

int main(int argc, char **argv)
{
    (void)argc;
    struct enclave e = enclave_build(argv[1]);
    static volatile uint32_t stop;
    static struct op op;
    struct op unused = {0};

    signal(SIGALRM, jump);
    op = (struct op){.function = OP_SPIN, .a = (uint64_t)&started, .b = (uint64_t)&stop, .result = 9};
    if (sigsetjmp(out, 1) == 0) {
        soon();
        enclave_call(&e, 0, EENTER, &op);
        CHECK(0);
    }
    CHECK_EQ(enclave_step_over(&e, 0, 0, &frame), 0);
    CHECK(frame.gpr.rip > e.base && frame.gpr.rip < e.base + DATA);
    stop = 1;
    CHECK_EQ(enclave_call(&e, 0, ERESUME, &unused).function, EEXIT);
    CHECK_EQ(op.result, 0);
    return 0;
}

/* A timer fires all the time while the enclave checks each of its registers. */
#include <signal.h>
#include <sys/time.h>
#include <ucontext.h>

#include "vdso.h"

#define WANTED 300

static struct enclave e;
static volatile uint32_t started, stop;
static int ticks, inside;

static void tick(int signal, siginfo_t *info, void *frame)
{
    const greg_t *regs = ((ucontext_t *)frame)->uc_mcontext.gregs;

    (void)signal, (void)info;
    if (++ticks == WANTED)
        stop = 1;
    if (regs[REG_RIP] >= (greg_t)e.base && regs[REG_RIP] < (greg_t)(e.base + e.size)) {
        fprintf(stderr, "a signal frame shows an address inside the enclave\n");
        _exit(1);
    }
    if (regs[REG_RAX] == ERESUME && regs[REG_RBX] == (greg_t)(e.base + TCS(0))) {
        inside++;
        CHECK_EQ(regs[REG_RIP], regs[REG_RCX]);
        CHECK_EQ(regs[REG_RDI], 0);
        CHECK_EQ(regs[REG_R15], 0);
    }
}

int main(int argc, char **argv)
{
    (void)argc;
    struct sigaction action = {.sa_sigaction = tick, .sa_flags = SA_SIGINFO | SA_RESTART};
    struct itimerval timer = {{0, 1000}, {0, 1000}}, off = {0};

    e = enclave_build(argv[1]);
    CHECK_EQ(sigaction(SIGALRM, &action, NULL), 0);
    CHECK_EQ(setitimer(ITIMER_REAL, &timer, NULL), 0);
    struct op op = {.function = OP_KEEP, .a = (uint64_t)&started, .b = (uint64_t)&stop};
    CHECK_EQ(enclave_run(&e, 0, op), 0);
    CHECK_EQ(setitimer(ITIMER_REAL, &off, NULL), 0);
    CHECK(started == 1);
    CHECK(ticks >= WANTED);
    CHECK(inside > WANTED / 2);
    CHECK_EQ(enclave_run(&e, 0, (struct op){.function = OP_NOP}), 0);
    return 0;
}

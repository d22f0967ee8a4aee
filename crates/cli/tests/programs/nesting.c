/* Handlers that enter the enclave again on the same TCS, each deeper than the one it interrupts, until no SSA
 * frame is left: then EENTER is #GP. Unwound by ERESUMEs, each level ends as if alone. By alarms and by faults,
 * on an alternate stack and not, with SA_NODEFER and with a signal for each level. */
#include <signal.h>
#include <sys/time.h>
#include <time.h>
#include <ucontext.h>

#include "enclave.h"
#include "enter.h"

enum how { ALARM, FAULT };

static struct enclave e;
static uint64_t tcs;
static const enum how *plan;
static int flags, depth;
static volatile int refused;
static volatile uint32_t started[FRAMES + 1], stop[FRAMES + 1];
static uint64_t results[FRAMES + 1];
static char stack[1 << 17];
/* Where a handler keeps its own signal away, each level has a signal of its own. */
static timer_t timers[FRAMES];

static void arm(void)
{
    struct itimerval timer = {{0, 0}, {0, 2000}};
    struct itimerspec other = {{0, 0}, {0, 2000000}};

    if (flags & SA_NODEFER)
        CHECK_EQ(setitimer(ITIMER_REAL, &timer, NULL), 0);
    else
        CHECK_EQ(timer_settime(timers[depth], 0, &other, NULL), 0);
}

/* Enters at the present depth and stays inside until the next level is done. */
static void stay(void)
{
    int here = depth;
    struct op op = {.function = plan[here] == FAULT ? OP_UNDEFINED : OP_SPIN,
                    .a = (uint64_t)&started[here],
                    .b = (uint64_t)&stop[here],
                    .result = 999};
    volatile uint64_t guard = 0x600d + (uint64_t)here;

    if (plan[here] == ALARM)
        arm();
    CHECK_EQ(enter(&op, tcs), EEXIT);
    CHECK_EQ(guard, 0x600d + (uint64_t)here);
    CHECK_EQ(depth, here);
    results[here] = op.result;
}

static uint64_t ask(struct op op)
{
    CHECK_EQ(enter(&op, tcs), EEXIT);
    return op.result;
}

/* All levels are in use. */
static void check_full(void)
{
    struct op op = {.function = OP_NOP, .result = 999};

    CHECK_EQ(depth, FRAMES);
    CHECK_EQ(enter(&op, tcs), EENTER);
    CHECK_EQ(refused, 1);
    CHECK_EQ(op.result, 999);
    /* Other threads have frames. */
    CHECK_EQ(enter(&op, e.base + TCS(2)), EEXIT);
    CHECK_EQ(op.result, 0);
}

static void deeper(void)
{
    char here;

    if (flags & SA_ONSTACK)
        CHECK(&here > stack && &here < stack + sizeof(stack));
    else
        CHECK(&here < stack || &here >= stack + sizeof(stack));
    depth++;
    if (depth < FRAMES) {
        CHECK_EQ(ask((struct op){.function = OP_NOP}), depth);
        stay();
    } else {
        check_full();
    }
    depth--;
    stop[depth] = 1;
}

static void check_outside(const ucontext_t *context)
{
    CHECK_EQ(context->uc_mcontext.gregs[REG_RIP], aep);
    CHECK_EQ(context->uc_mcontext.gregs[REG_RAX], ERESUME);
    CHECK_EQ(context->uc_mcontext.gregs[REG_RBX], tcs);
}

static void on_alarm(int signal, siginfo_t *info, void *frame)
{
    ucontext_t *context = frame;

    (void)signal, (void)info;
    /* Too early, or the thread is on its way back from a fault. */
    if (context->uc_mcontext.gregs[REG_RIP] != (greg_t)aep || !started[depth]) {
        arm();
        return;
    }
    check_outside(context);
    deeper();
}

static void on_fault(int signal, siginfo_t *info, void *frame)
{
    (void)signal, (void)info;
    check_outside(frame);
    depth++;
    /* Steps over the UD2: vector 6, a hardware exception, valid. */
    CHECK_EQ(ask((struct op){.function = OP_HANDLE, .a = 2}), 0x80000306);
    depth--;
    deeper();
}

static void on_refusal(int signal, siginfo_t *info, void *frame)
{
    greg_t *regs = ((ucontext_t *)frame)->uc_mcontext.gregs;

    (void)signal;
    CHECK_EQ(regs[REG_RIP], enter_enclu);
    CHECK_EQ(regs[REG_RAX], EENTER);
    CHECK_EQ(regs[REG_TRAPNO], VECTOR_GP);
    CHECK_EQ(regs[REG_ERR], 0);
    CHECK_EQ(info->si_code, SI_KERNEL);
    refused++;
    regs[REG_RIP] = (greg_t)entered;
}

static void on(int signal, void (*handler)(int, siginfo_t *, void *), int more)
{
    struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO | more};
    CHECK_EQ(sigaction(signal, &action, NULL), 0);
}

static void nest(const enum how *how, int more)
{
    plan = how;
    flags = more;
    refused = 0;
    memset((void *)started, 0, sizeof(started));
    memset((void *)stop, 0, sizeof(stop));
    on(SIGALRM, on_alarm, flags);
    for (int i = 0; i < FRAMES; i++)
        on(SIGRTMIN + i, on_alarm, flags);
    on(SIGILL, on_fault, flags | SA_NODEFER);
    on(SIGSEGV, on_refusal, flags);
    stay();
    CHECK_EQ(depth, 0);
    CHECK_EQ(refused, 1);
    for (int i = 0; i < FRAMES; i++)
        CHECK_EQ(results[i], plan[i] == FAULT ? STEPPED_OVER : (uint64_t)i);
    CHECK_EQ(ask((struct op){.function = OP_NOP}), 0);
}

int main(int argc, char **argv)
{
    (void)argc;
    static const enum how alarms[FRAMES] = {ALARM, ALARM, ALARM};
    static const enum how mixed[FRAMES] = {ALARM, FAULT, ALARM};
    static const enum how faults_first[FRAMES] = {FAULT, FAULT, ALARM};
    stack_t alternate = {.ss_sp = stack, .ss_size = sizeof(stack)};

    e = enclave_build(argv[1]);
    tcs = e.base + TCS(1);
    CHECK_EQ(sigaltstack(&alternate, NULL), 0);
    for (int i = 0; i < FRAMES; i++) {
        struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN + i};
        CHECK_EQ(timer_create(CLOCK_MONOTONIC, &event, &timers[i]), 0);
    }
    for (int round = 0; round < 5; round++) {
        nest(alarms, SA_NODEFER);
        nest(alarms, SA_NODEFER | SA_ONSTACK);
        nest(alarms, 0);
        nest(alarms, SA_ONSTACK);
        nest(mixed, SA_NODEFER | SA_ONSTACK);
        nest(mixed, 0);
        nest(faults_first, SA_NODEFER);
        nest(faults_first, SA_NODEFER | SA_ONSTACK);
    }
    return 0;
}

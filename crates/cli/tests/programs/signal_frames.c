/* What a handler does to the frame of a thread that it interrupted inside: it holds for the thread at its AEP,
 * and nothing of it reaches the enclave. Masks last over ERESUME. */
#include <pthread.h>
#include <signal.h>
#include <ucontext.h>

#include "enclave.h"
#include "enter.h"
#include "inside.h"

static struct enclave e;
static uint64_t tcs;
static volatile uint32_t started, stop;
static volatile int handled, elsewhere;
static void (*act)(ucontext_t *);

static void handler(int signal, siginfo_t *info, void *frame)
{
    ucontext_t *context = frame;

    (void)signal, (void)info;
    /* The sender sees to it that the thread is inside. */
    CHECK_EQ(context->uc_mcontext.gregs[REG_RIP], aep);
    act(context);
    handled++;
}

static void *send_one(void *thread)
{
    wait_for(&started);
    CHECK_EQ(pthread_kill(*(pthread_t *)thread, SIGUSR1), 0);
    for (int i = 0; i < 10000 && !handled; i++)
        pause_ms(1);
    CHECK_EQ(handled, 1);
    stop = 1;
    return NULL;
}

/* Stays inside until a handler that does this has run. */
static struct op interrupted(void (*what)(ucontext_t *))
{
    struct op op = {.function = OP_KEEP,
                    .a = (uint64_t)&started,
                    .b = (uint64_t)&stop,
                    .result = 999};
    pthread_t self = pthread_self(), sender;

    started = stop = 0;
    handled = 0;
    act = what;
    CHECK_EQ(pthread_create(&sender, NULL, send_one, &self), 0);
    CHECK_EQ(enter(&op, tcs), EEXIT);
    CHECK_EQ(pthread_join(sender, NULL), 0);
    return op;
}

/* All registers but those that ERESUME reads. */
static void change_registers(ucontext_t *context)
{
    static const int reg[] = {REG_RDX, REG_RSI, REG_RDI, REG_R8,  REG_R9,  REG_R10, REG_R11,
                              REG_R12, REG_R13, REG_R14, REG_R15, REG_RSP, REG_RBP};

    for (unsigned i = 0; i < sizeof(reg) / sizeof(*reg); i++)
        context->uc_mcontext.gregs[reg[i]] ^= 0x5a5a5a5a5a5a;
    context->uc_mcontext.gregs[REG_EFL] ^= 0xcd5;
    context->uc_mcontext.fpregs->mxcsr = 0x1f80;
    context->uc_mcontext.fpregs->cwd = 0x27f;
    memset(context->uc_mcontext.fpregs->_xmm, 0x5a, sizeof(context->uc_mcontext.fpregs->_xmm));
    memset(context->uc_mcontext.fpregs->_st, 0x5a, sizeof(context->uc_mcontext.fpregs->_st));
}

static void block_signals(ucontext_t *context)
{
    sigaddset(&context->uc_sigmask, SIGUSR2);
    sigaddset(&context->uc_sigmask, SIGILL);
    sigaddset(&context->uc_sigmask, SIGRTMAX);
}

/* The thread gives up: it goes on behind the EENTER, where RSP is right. */
static void leave_behind(ucontext_t *context)
{
    context->uc_mcontext.gregs[REG_RIP] = (greg_t)entered;
    stop = 1;
}

static void check_masks(void)
{
    sigset_t wanted, now;

    sigemptyset(&wanted);
    sigaddset(&wanted, SIGTERM);
    CHECK_EQ(pthread_sigmask(SIG_SETMASK, &wanted, NULL), 0);
    CHECK_EQ(interrupted(block_signals).result, 0);
    sigaddset(&wanted, SIGUSR2);
    sigaddset(&wanted, SIGILL);
    sigaddset(&wanted, SIGRTMAX);
    CHECK_EQ(pthread_sigmask(SIG_SETMASK, NULL, &now), 0);
    for (int signal = 1; signal < 65; signal++)
        CHECK_EQ(sigismember(&now, signal), sigismember(&wanted, signal));
    sigemptyset(&now);
    CHECK_EQ(pthread_sigmask(SIG_SETMASK, &now, NULL), 0);
}

int main(int argc, char **argv)
{
    (void)argc;
    struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO};
    struct op nop = {.function = OP_NOP};

    e = enclave_build(argv[1]);
    tcs = e.base + TCS(0);
    CHECK_EQ(sigaction(SIGUSR1, &action, NULL), 0);
    for (int i = 0; i < 10; i++) {
        CHECK_EQ(interrupted(change_registers).result, 0);
        check_masks();
    }

    /* The frame that is left behind stays in use, and another thread's ERESUME may end it. */
    struct op left = {.function = OP_SPIN, .a = (uint64_t)&started, .b = (uint64_t)&stop, .result = 999};
    pthread_t self = pthread_self(), sender;
    started = stop = 0;
    handled = 0;
    act = leave_behind;
    CHECK_EQ(pthread_create(&sender, NULL, send_one, &self), 0);
    CHECK_EQ(enter(&left, tcs), ERESUME);
    CHECK_EQ(pthread_join(sender, NULL), 0);
    CHECK_EQ(left.result, 999);
    CHECK_EQ(enter(&nop, tcs), EEXIT);
    CHECK_EQ(nop.result, 1);
    return 0;
}

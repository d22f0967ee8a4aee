/* Two storms at once, one of which interrupts the handlers of the other, and each handler enters the enclave on
 * the TCS that it was interrupted on: what was below is exact all the same. */
#include <signal.h>
#include <sys/time.h>
#include <ucontext.h>

#include "enter.h"
#include "inside.h"

#define WANTED 500

static struct enclave e;
static struct shared *shared;
static volatile int alarms, users, inside, deepest, depth;
static char stack[1 << 16];

/* One level down: the frame is the last one or the one before, never more than there are. */
static void enter_again(const ucontext_t *context)
{
    struct op op = {.function = OP_REGISTERS, .result = 9};
    struct op load = {.function = OP_LOAD, .a = e.base + DATA};

    inside += context->uc_mcontext.gregs[REG_RIP] == (greg_t)aep;
    depth++;
    CHECK_EQ(enter(&op, e.base + TCS(0)), EEXIT);
    CHECK_EQ(op.result, 0);
    CHECK(op.regs[0] <= (uint64_t)depth);
    if ((int)op.regs[0] > deepest)
        deepest = (int)op.regs[0];
    CHECK_EQ(enter(&load, e.base + TCS(0)), EEXIT);
    CHECK_EQ(load.result, DATA_WORD);
    depth--;
}

static void arm(void)
{
    struct itimerval timer = {{0, 0}, {0, 300}};
    setitimer(ITIMER_REAL, &timer, NULL);
}

static void on_alarm(int signal, siginfo_t *info, void *frame)
{
    (void)signal, (void)info;
    alarms++;
    enter_again(frame);
    if (users >= WANTED && alarms >= WANTED && deepest == 2)
        shared->stop = 1;
    arm();
}

static void on_user(int signal, siginfo_t *info, void *frame)
{
    (void)signal, (void)info;
    users++;
    enter_again(frame);
    shared->op.result = (uint64_t)users;
}

/* Sends the next as soon as the last is handled. */
static void send(pid_t to)
{
    volatile uint64_t *handled = &shared->op.result;


    prctl(PR_SET_PDEATHSIG, SIGKILL);
    wait_for(&shared->started);
    while (!shared->stop && getppid() == to) {
        uint64_t before = *handled;
        if (kill(to, SIGUSR1) != 0)
            _exit(1);
        for (int i = 0; i < 100 && *handled == before && !shared->stop; i++)
            usleep(100);
    }
    _exit(0);
}

int main(int argc, char **argv)
{
    (void)argc;
    stack_t alternate = {.ss_sp = stack, .ss_size = sizeof(stack)};
    struct sigaction alarm = {.sa_sigaction = on_alarm, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    struct sigaction user = {.sa_sigaction = on_user, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    int status;

    e = enclave_build(argv[1]);
    shared = shared_memory();
    CHECK_EQ(sigaltstack(&alternate, NULL), 0);
    CHECK_EQ(sigaction(SIGALRM, &alarm, NULL), 0);
    CHECK_EQ(sigaction(SIGUSR1, &user, NULL), 0);
    pid_t parent = getpid(), sender = fork();
    CHECK(sender >= 0);
    if (sender == 0)
        send(parent);
    arm();
    struct op op = {.function = OP_KEEP, .a = (uint64_t)&shared->started, .b = (uint64_t)&shared->stop,
                    .result = 9};
    CHECK_EQ(enter(&op, e.base + TCS(0)), EEXIT);
    CHECK_EQ(op.result, 0);
    struct itimerval off = {0};
    CHECK_EQ(setitimer(ITIMER_REAL, &off, NULL), 0);
    CHECK_EQ(waitpid(sender, &status, 0), sender);
    CHECK_EQ(status, 0);
    CHECK(inside > 0);
    op = (struct op){.function = OP_NOP, .result = 9};
    CHECK_EQ(enter(&op, e.base + TCS(0)), EEXIT);
    CHECK_EQ(op.result, 0);
    return 0;
}

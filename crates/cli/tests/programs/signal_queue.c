/* Realtime signals with payloads, sent by another process to a thread inside: each is handled once, those of one
 * number in their order, with their information. What is blocked stays pending over EENTER and EEXIT, and comes
 * then: the lowest number first. */
#include <signal.h>
#include <ucontext.h>

#include "enter.h"
#include "inside.h"

#define NUMBERS 4
#define EACH 60

static struct enclave e;
static struct shared *shared;
static pid_t sender;
static volatile int handled, inside, next[NUMBERS];
static volatile int order[NUMBERS * EACH];

static void handler(int signal, siginfo_t *info, void *frame)
{
    int number = signal - SIGRTMIN;

    CHECK_EQ(info->si_signo, signal);
    CHECK_EQ(info->si_code, SI_QUEUE);
    CHECK_EQ(info->si_pid, sender);
    CHECK_EQ(info->si_uid, getuid());
    CHECK_EQ(info->si_value.sival_int, next[number]);
    next[number]++;
    order[handled++] = number;
    inside += ((ucontext_t *)frame)->uc_mcontext.gregs[REG_RIP] == (greg_t)aep;
}

static pid_t fork_sender(int patient)
{
    pid_t parent = getpid(), child = fork();

    CHECK(child >= 0);
    if (child != 0)
        return child;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    wait_for(&shared->started);
    for (int i = 0; i < EACH; i++)
        for (int number = NUMBERS - 1; number >= 0; number--) {
            CHECK_EQ(sigqueue(parent, SIGRTMIN + number, (union sigval){.sival_int = i}), 0);
            if (patient)
                pause_ms(1);
        }
    /* Those for the parent come before what it does next. */
    shared->stop = 1;
    _exit(0);
}

static void stay_inside(int patient)
{
    struct op op = {.function = OP_KEEP,
                    .a = (uint64_t)&shared->started,
                    .b = (uint64_t)&shared->stop,
                    .result = 9};
    int status;

    shared->started = shared->stop = 0;
    handled = inside = 0;
    memset((void *)next, 0, sizeof(next));
    sender = fork_sender(patient);
    CHECK_EQ(enter(&op, e.base + TCS(0)), EEXIT);
    CHECK_EQ(op.result, 0);
    CHECK_EQ(waitpid(sender, &status, 0), sender);
    CHECK_EQ(status, 0);
}

int main(int argc, char **argv)
{
    (void)argc;
    struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO | SA_RESTART};
    sigset_t ours, pending;

    e = enclave_build(argv[1]);
    shared = shared_memory();
    sigemptyset(&ours);
    for (int number = 0; number < NUMBERS; number++) {
        CHECK_EQ(sigaction(SIGRTMIN + number, &action, NULL), 0);
        sigaddset(&ours, SIGRTMIN + number);
    }
    for (int patient = 0; patient < 2; patient++) {
        stay_inside(patient);
        CHECK_EQ(handled, NUMBERS * EACH);
        CHECK(inside > 0);
    }

    CHECK_EQ(sigprocmask(SIG_BLOCK, &ours, NULL), 0);
    stay_inside(0);
    CHECK_EQ(handled, 0);
    CHECK_EQ(sigpending(&pending), 0);
    for (int number = 0; number < NUMBERS; number++)
        CHECK_EQ(sigismember(&pending, SIGRTMIN + number), 1);
    /* Handlers of which each keeps the others away run one after the other. */
    action.sa_mask = ours;
    for (int number = 0; number < NUMBERS; number++)
        CHECK_EQ(sigaction(SIGRTMIN + number, &action, NULL), 0);
    CHECK_EQ(sigprocmask(SIG_UNBLOCK, &ours, NULL), 0);
    CHECK_EQ(handled, NUMBERS * EACH);
    for (int i = 0; i < NUMBERS * EACH; i++)
        CHECK_EQ(order[i], i / EACH);
    return 0;
}

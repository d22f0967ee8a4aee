/* Each kind of timer fires into a thread that is inside all the time: those that count the time of the clock and
 * those that count the thread's own, inside an enclave as well. */
#include <sys/syscall.h>
#include <sys/time.h>
#include <ucontext.h>

#include "enter.h"
#include "inside.h"

#define TICKS 25

static struct enclave e;
static volatile uint32_t started, stop;
static volatile int ticks, inside, wanted_signal, wanted_code;

static void tick(int signal, siginfo_t *info, void *frame)
{
    CHECK_EQ(signal, wanted_signal);
    CHECK_EQ(info->si_code, wanted_code);
    if (wanted_code == SI_TIMER)
        CHECK_EQ(info->si_value.sival_int, 4711);
    inside += ((ucontext_t *)frame)->uc_mcontext.gregs[REG_RIP] == (greg_t)aep;
    if (++ticks == TICKS)
        stop = 1;
}

static void begin(int signal, int code)
{
    struct sigaction action = {.sa_sigaction = tick, .sa_flags = SA_SIGINFO};

    CHECK_EQ(sigaction(signal, &action, NULL), 0);
    wanted_signal = signal;
    wanted_code = code;
    ticks = inside = 0;
    started = stop = 0;
}

static void stay_inside(void)
{
    struct op op = {.function = OP_KEEP, .a = (uint64_t)&started, .b = (uint64_t)&stop, .result = 9};

    CHECK_EQ(enter(&op, e.base + TCS(0)), EEXIT);
    CHECK_EQ(op.result, 0);
    CHECK(inside > TICKS / 2);
}

static void interval(int which, int signal)
{
    struct itimerval timer = {{0, 4000}, {0, 4000}}, off = {0};

    begin(signal, SI_KERNEL);
    CHECK_EQ(setitimer(which, &timer, NULL), 0);
    stay_inside();
    CHECK_EQ(setitimer(which, &off, NULL), 0);
}

static void posix(clockid_t clock, int notify, int signal)
{
    struct itimerspec spec = {{0, 4000000}, {0, 4000000}};
    struct sigevent event = {.sigev_notify = notify,
                             .sigev_signo = signal,
                             .sigev_value = {.sival_int = 4711}};
    timer_t timer;

    event._sigev_un._tid = gettid();
    begin(signal, SI_TIMER);
    CHECK_EQ(timer_create(clock, &event, &timer), 0);
    CHECK_EQ(timer_settime(timer, 0, &spec, NULL), 0);
    stay_inside();
    CHECK_EQ(timer_delete(timer), 0);
}

int main(int argc, char **argv)
{
    (void)argc;
    e = enclave_build(argv[1]);
    for (int i = 0; i < 2; i++) {
        interval(ITIMER_REAL, SIGALRM);
        interval(ITIMER_VIRTUAL, SIGVTALRM);
        interval(ITIMER_PROF, SIGPROF);
        posix(CLOCK_MONOTONIC, SIGEV_SIGNAL, SIGRTMIN + 3);
        posix(CLOCK_MONOTONIC, SIGEV_THREAD_ID, SIGRTMIN + 4);
        posix(CLOCK_THREAD_CPUTIME_ID, SIGEV_THREAD_ID, SIGRTMIN + 5);
        posix(CLOCK_PROCESS_CPUTIME_ID, SIGEV_SIGNAL, SIGUSR1);
    }
    return 0;
}

/* A thread that uses enclaves waits for signals in every way there is, and is interrupted in calls, as if it did
 * not use them: SA_RESTART and not, sigsuspend, sigwaitinfo, sigtimedwait, signalfd, ppoll. */
#include <poll.h>
#include <pthread.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <time.h>
#include <ucontext.h>

#include "enter.h"
#include "inside.h"

static struct enclave e;
static volatile int handled;
static pthread_t waiter;
static int ends[2];

static void use(void)
{
    struct op op = {.function = OP_LOAD, .a = e.base + DATA};

    CHECK_EQ(enter(&op, e.base + TCS(0)), EEXIT);
    CHECK_EQ(op.result, DATA_WORD);
}

/* Handlers use the enclave too. */
static void handler(int signal)
{
    int saved = errno;

    (void)signal;
    use();
    handled++;
    errno = saved;
}

static void install(int flags)
{
    struct sigaction action = {.sa_handler = handler, .sa_flags = flags};

    CHECK_EQ(sigaction(SIGUSR1, &action, NULL), 0);
    handled = 0;
}

static sigset_t set_with(int signal)
{
    sigset_t set;

    sigemptyset(&set);
    if (signal)
        sigaddset(&set, signal);
    return set;
}

static volatile pid_t waiting;

/* The waiter sleeps in a call to wait in, which is not one of the C library's own. */
static int waits_now(void)
{
    static const int calls[] = {SYS_read,      SYS_pause,           SYS_nanosleep, SYS_clock_nanosleep,
                                SYS_rt_sigtimedwait, SYS_rt_sigsuspend, SYS_ppoll};
    char path[64], line[256] = "";

    snprintf(path, sizeof(path), "/proc/self/task/%d/syscall", waiting);
    FILE *file = fopen(path, "r");
    CHECK(file != NULL);
    CHECK(fgets(line, sizeof(line), file) != NULL);
    fclose(file);
    for (unsigned i = 0; i < sizeof(calls) / sizeof(*calls); i++)
        if (line[0] != 'r' && atoi(line) == calls[i])
            return 1;
    return 0;
}

static void wait_for_waiter(void)
{
    while (!waits_now())
        pause_ms(1);
}

/* Sends a signal to the waiter once it sleeps, `times` times, and then a byte. */
struct plan {
    int times, byte, handled;
};

static void *disturb(void *argument)
{
    const struct plan *plan = argument;

    for (int i = 0; i < plan->times; i++) {
        wait_for_waiter();
        int before = handled;
        CHECK_EQ(pthread_sigqueue(waiter, SIGUSR1, (union sigval){.sival_int = 40 + i}), 0);
        /* One that is waited for has no handler. */
        while (plan->handled && handled == before)
            pause_ms(1);
    }
    if (plan->byte) {
        wait_for_waiter();
        CHECK_EQ(write(ends[1], "x", 1), 1);
    }
    return NULL;
}

static pthread_t start(struct plan *plan)
{
    pthread_t thread;

    use();
    waiting = gettid();
    CHECK_EQ(pthread_create(&thread, NULL, disturb, plan), 0);
    return thread;
}

static void calls(void)
{
    char byte;

    for (int i = 0; i < 5; i++) {
        struct plan once = {1, 0, 1}, more = {3, 1, 1};
        install(0);
        pthread_t thread = start(&once);
        CHECK_FAILS(read(ends[0], &byte, 1), EINTR);
        CHECK_EQ(pthread_join(thread, NULL), 0);
        CHECK_EQ(handled, 1);

        install(SA_RESTART);
        thread = start(&more);
        CHECK_EQ(read(ends[0], &byte, 1), 1);
        CHECK_EQ(pthread_join(thread, NULL), 0);
        CHECK_EQ(handled, 3);
    }
}

static void sleeps(void)
{
    struct timespec long_time = {100, 0}, left = {0, 0};
    struct pollfd poll = {.fd = ends[0], .events = POLLIN};
    struct plan once = {1, 0, 1};
    sigset_t none = set_with(0), user = set_with(SIGUSR1), now;

    /* Never restarted, SA_RESTART or not. */
    install(SA_RESTART);
    pthread_t thread = start(&once);
    CHECK_FAILS(nanosleep(&long_time, &left), EINTR);
    CHECK_EQ(pthread_join(thread, NULL), 0);
    CHECK(left.tv_sec > 0 && left.tv_sec < 100);

    thread = start(&once);
    CHECK_FAILS(pause(), EINTR);
    CHECK_EQ(pthread_join(thread, NULL), 0);

    CHECK_EQ(pthread_sigmask(SIG_SETMASK, &user, NULL), 0);
    thread = start(&once);
    CHECK_FAILS(sigsuspend(&none), EINTR);
    CHECK_EQ(pthread_join(thread, NULL), 0);
    thread = start(&once);
    CHECK_FAILS(ppoll(&poll, 1, &long_time, &none), EINTR);
    CHECK_EQ(pthread_join(thread, NULL), 0);
    CHECK_EQ(handled, 4);
    /* The mask that the two put aside is back. */
    CHECK_EQ(pthread_sigmask(SIG_SETMASK, &none, &now), 0);
    CHECK_EQ(sigismember(&now, SIGUSR1), 1);
    CHECK_EQ(sigismember(&now, SIGILL), 0);
}

/* Without a handler's part. */
static void waits(void)
{
    struct timespec long_time = {100, 0}, short_time = {0, 1000000};
    struct plan once = {1, 0, 0};
    sigset_t none = set_with(0), user = set_with(SIGUSR1);
    struct signalfd_siginfo read_info;
    siginfo_t info;

    install(0);
    CHECK_EQ(pthread_sigmask(SIG_SETMASK, &user, NULL), 0);
    for (int i = 0; i < 5; i++) {
        pthread_t thread = start(&once);
        CHECK_EQ(i % 2 ? sigwaitinfo(&user, &info) : sigtimedwait(&user, &info, &long_time), SIGUSR1);
        CHECK_EQ(info.si_code, SI_QUEUE);
        CHECK_EQ(info.si_pid, getpid());
        CHECK_EQ(info.si_value.sival_int, 40);
        CHECK_EQ(pthread_join(thread, NULL), 0);
        CHECK_FAILS(sigtimedwait(&user, &info, &short_time), EAGAIN);
    }
    int fd = signalfd(-1, &user, 0);
    CHECK(fd >= 0);
    for (int i = 0; i < 5; i++) {
        pthread_t thread = start(&once);
        CHECK_EQ(read(fd, &read_info, sizeof(read_info)), sizeof(read_info));
        CHECK_EQ(read_info.ssi_signo, SIGUSR1);
        CHECK_EQ(read_info.ssi_code, SI_QUEUE);
        CHECK_EQ(read_info.ssi_int, 40);
        CHECK_EQ(read_info.ssi_pid, getpid());
        CHECK_EQ(pthread_join(thread, NULL), 0);
    }
    close(fd);
    CHECK_EQ(handled, 0);
    CHECK_EQ(pthread_sigmask(SIG_SETMASK, &none, NULL), 0);
}

int main(int argc, char **argv)
{
    (void)argc;
    e = enclave_build(argv[1]);
    waiter = pthread_self();
    CHECK_EQ(pipe(ends), 0);
    calls();
    sleeps();
    waits();
    return 0;
}

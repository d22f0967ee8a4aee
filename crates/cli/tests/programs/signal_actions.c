/* Actions that say more than a handler, as their signals find a thread inside: SA_RESETHAND, the default ends, what
 * is ignored, and SIGCHLD with SA_NOCLDWAIT, SA_NOCLDSTOP and neither. */
#include <pthread.h>
#include <ucontext.h>

#include "enter.h"
#include "inside.h"

static struct enclave e;
static struct shared *shared;
static volatile int handled, frames_of_aep;
static siginfo_t last;

static void handler(int signal, siginfo_t *info, void *frame)
{
    (void)signal;
    last = *info;
    frames_of_aep += ((ucontext_t *)frame)->uc_mcontext.gregs[REG_RIP] == (greg_t)aep;
    shared->op.regs[0]++;
    handled++;
}

static void install(int signal, void (*what)(int, siginfo_t *, void *), int flags)
{
    struct sigaction action = {.sa_sigaction = what, .sa_flags = SA_SIGINFO | flags};

    CHECK_EQ(sigaction(signal, &action, NULL), 0);
    handled = frames_of_aep = 0;
}

static void prepare(unsigned function)
{
    *shared = (struct shared){.op = {.function = function,
                                     .a = (uint64_t)&shared->started,
                                     .b = (uint64_t)&shared->stop,
                                     .result = 9}};
}

/* A child with a thread inside, and this action unless it has none. */
static pid_t child_inside(int signal, void (*what)(int, siginfo_t *, void *), int flags)
{
    prepare(OP_SPIN);
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        install(signal, what, flags);
        enclave_call(&e, 0, EENTER, &shared->op);
        _exit(5);
    }
    wait_for(&shared->started);
    return child;
}

/* How a child ended that was inside; what it left is resumed. */
static int end_of(pid_t child)
{
    int status;

    CHECK_EQ(waitpid(child, &status, 0), child);
    if (WIFSIGNALED(status))
        resume_orphan(&e, shared);
    return status;
}

/* The first is handled, the second ends the process with its thread inside. */
static void once(int signal)
{
    pid_t child = child_inside(signal, handler, (int)SA_RESETHAND);

    CHECK_EQ(kill(child, signal), 0);
    for (int i = 0; i < 10000 && shared->op.regs[0] == 0; i++)
        pause_ms(1);
    CHECK_EQ(shared->op.regs[0], 1);
    CHECK_EQ(kill(child, signal), 0);
    int status = end_of(child);
    CHECK_EQ(shared->op.regs[0], 1);
    CHECK(WIFSIGNALED(status));
    CHECK_EQ(WTERMSIG(status), signal);
}

static void ends(int signal)
{
    pid_t child = child_inside(signal, (void *)SIG_DFL, 0);

    CHECK_EQ(kill(child, signal), 0);
    int status = end_of(child);
    CHECK(WIFSIGNALED(status));
    CHECK_EQ(WTERMSIG(status), signal);
}

static void ignored(int signal, void (*what)(int, siginfo_t *, void *))
{
    pid_t child = child_inside(signal, what, 0);

    for (int i = 0; i < 20; i++)
        CHECK_EQ(kill(child, signal), 0);
    shared->stop = 1;
    int status = end_of(child);
    CHECK(WIFEXITED(status));
    CHECK_EQ(WEXITSTATUS(status), 5);
    CHECK_EQ(shared->op.result, 0);
}

/* A child that stops, goes on and ends, while the first thread is inside and gets the SIGCHLDs. */
struct life {
    int flags, told;
    pid_t child;
};

static void wait_handled(int times)
{
    for (int i = 0; i < 10000 && handled < times; i++)
        pause_ms(1);
    CHECK_EQ(handled, times);
}

static void *live(void *argument)
{
    struct life *life = argument;
    int tells = life->told && !(life->flags & SA_NOCLDSTOP), ends[2];
    char byte;
    siginfo_t info;

    wait_for(&shared->started);
    CHECK_EQ(pipe(ends), 0);
    life->child = fork();
    CHECK(life->child >= 0);
    if (life->child == 0) {
        close(ends[1]);
        raise(SIGSTOP);
        _exit(read(ends[0], &byte, 1) == 0 ? 6 : 7);
    }
    close(ends[0]);
    CHECK_EQ(waitid(P_PID, (id_t)life->child, &info, WSTOPPED | WNOWAIT), 0);
    wait_handled(tells ? 1 : 0);
    CHECK_EQ(kill(life->child, SIGCONT), 0);
    if (tells)
        wait_handled(2);
    close(ends[1]);
    if (life->told)
        wait_handled(tells ? 3 : 1);
    while (life->flags & SA_NOCLDWAIT && kill(life->child, 0) == 0)
        pause_ms(1);
    shared->stop = 1;
    return NULL;
}

static void child_lives(void (*what)(int, siginfo_t *, void *), int flags)
{
    struct life life = {.flags = flags, .told = what == handler};
    sigset_t child, none;
    pthread_t thread;
    int status;

    install(SIGCHLD, what, flags);
    prepare(OP_KEEP);
    sigemptyset(&none);
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    CHECK_EQ(pthread_sigmask(SIG_SETMASK, &child, NULL), 0);
    CHECK_EQ(pthread_create(&thread, NULL, live, &life), 0);
    CHECK_EQ(pthread_sigmask(SIG_SETMASK, &none, NULL), 0);
    CHECK_EQ(enter(&shared->op, e.base + TCS(0)), EEXIT);
    CHECK_EQ(shared->op.result, 0);
    CHECK_EQ(pthread_join(thread, NULL), 0);
    CHECK_EQ(frames_of_aep, handled);
    if (life.told) {
        CHECK_EQ(last.si_code, CLD_EXITED);
        CHECK_EQ(last.si_pid, life.child);
        CHECK_EQ(last.si_status, 6);
    }
    if (flags & SA_NOCLDWAIT) {
        CHECK_FAILS(waitpid(life.child, &status, 0), ECHILD);
    } else {
        CHECK_EQ(waitpid(life.child, &status, 0), life.child);
        CHECK(WIFEXITED(status));
    }
}

int main(int argc, char **argv)
{
    (void)argc;
    e = enclave_build(argv[1]);
    shared = shared_memory();
    once(SIGUSR1);
    once(SIGSEGV);
    once(SIGRTMIN);
    ends(SIGTERM);
    ends(SIGILL);
    ends(SIGRTMAX);
    ignored(SIGUSR2, (void *)SIG_IGN);
    ignored(SIGFPE, (void *)SIG_IGN);
    ignored(SIGBUS, (void *)SIG_IGN);
    ignored(SIGWINCH, (void *)SIG_DFL);
    child_lives(handler, 0);
    child_lives(handler, SA_NOCLDSTOP);
    child_lives(handler, SA_NOCLDWAIT);
    child_lives(handler, SA_NOCLDWAIT | SA_NOCLDSTOP);
    child_lives((void *)SIG_IGN, SA_NOCLDWAIT);
    return 0;
}

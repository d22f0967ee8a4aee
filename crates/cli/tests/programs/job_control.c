/* Job control while a thread is inside: each signal that stops, with its default action, with a handler that stops
 * the process itself, and blocked; SIGCONT with a handler; a stopped process that is killed. */
#include <ucontext.h>

#include "inside.h"

static struct enclave e;
static struct shared *shared;

enum how { DEFAULT, HANDLED, BLOCKED };

/* Counted where the parent sees it. */
#define STOPS shared->op.regs[0]
#define CONTINUES shared->op.regs[1]

static void on_stop(int signal, siginfo_t *info, void *frame)
{
    (void)signal, (void)info;
    CHECK_EQ(((ucontext_t *)frame)->uc_mcontext.gregs[REG_RAX], ERESUME);
    CHECK((uint64_t)((ucontext_t *)frame)->uc_mcontext.gregs[REG_RIP] - e.base >= e.size);
    raise(SIGSTOP);
    STOPS++;
}

static void on_continue(int signal, siginfo_t *info, void *frame)
{
    (void)signal, (void)info;
    CHECK((uint64_t)((ucontext_t *)frame)->uc_mcontext.gregs[REG_RIP] - e.base >= e.size);
    CONTINUES++;
}

static pid_t child_inside(int signal, enum how how)
{
    struct sigaction stop = {.sa_sigaction = on_stop, .sa_flags = SA_SIGINFO};
    struct sigaction go = {.sa_sigaction = on_continue, .sa_flags = SA_SIGINFO};

    *shared = (struct shared){.op = {.function = OP_KEEP,
                                     .a = (uint64_t)&shared->started,
                                     .b = (uint64_t)&shared->stop,
                                     .result = 9}};
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        sigset_t set;
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        /* In a group that is no orphan, or the terminal's signals would stop nobody. */
        CHECK_EQ(setpgid(0, 0), 0);
        sigemptyset(&set);
        sigaddset(&set, signal);
        CHECK_EQ(sigaction(SIGCONT, &go, NULL), 0);
        if (how == HANDLED)
            CHECK_EQ(sigaction(signal, &stop, NULL), 0);
        if (how == BLOCKED)
            CHECK_EQ(sigprocmask(SIG_BLOCK, &set, NULL), 0);
        CHECK_EQ(enclave_call(&e, 0, EENTER, &shared->op).function, EEXIT);
        if (how == BLOCKED) {
            CHECK_EQ(sigpending(&set), 0);
            CHECK_EQ(sigismember(&set, signal), 1);
        }
        _exit(shared->op.result == 0 ? 4 : 5);
    }
    wait_for(&shared->started);
    return child;
}

static void counts(volatile uint64_t *counter, uint64_t to)
{
    for (int i = 0; i < 10000 && *counter < to; i++)
        pause_ms(1);
    CHECK_EQ(*counter, to);
}

static void stopped_by(pid_t child, int signal)
{
    int status;

    CHECK_EQ(waitpid(child, &status, WUNTRACED), child);
    CHECK(WIFSTOPPED(status));
    CHECK_EQ(WSTOPSIG(status), signal);
    /* Out of the enclave, with one frame in use. */
    CHECK_EQ(enclave_run(&e, 0, (struct op){.function = OP_NOP}), 1);
}

static void check(int signal, enum how how)
{
    int rounds = 3, status;
    pid_t child = child_inside(signal, how);

    for (int i = 0; i < rounds; i++) {
        CHECK_EQ(kill(child, signal), 0);
        if (how == BLOCKED)
            continue;
        stopped_by(child, how == HANDLED ? SIGSTOP : signal);
        CHECK_EQ(kill(child, SIGCONT), 0);
        CHECK_EQ(waitpid(child, &status, WCONTINUED), child);
        CHECK(WIFCONTINUED(status));
        counts(&CONTINUES, (uint64_t)i + 1);
        if (how == HANDLED)
            counts(&STOPS, (uint64_t)i + 1);
    }
    /* To a process that runs it is a signal as others are. */
    uint64_t before = CONTINUES;
    CHECK_EQ(kill(child, SIGCONT), 0);
    if (how == BLOCKED) {
        /* It takes back the stop, too. */
        counts(&CONTINUES, before + 1);
        CHECK_EQ(kill(child, signal), 0);
    }
    counts(&CONTINUES, before + 1);
    shared->stop = 1;
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK(WIFEXITED(status));
    CHECK_EQ(WEXITSTATUS(status), 4);
}

static void killed_while_it_stands(int signal)
{
    int status;
    pid_t child = child_inside(signal, DEFAULT);

    CHECK_EQ(kill(child, signal), 0);
    stopped_by(child, signal);
    CHECK_EQ(kill(child, SIGKILL), 0);
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK(WIFSIGNALED(status));
    resume_orphan(&e, shared);
}

int main(int argc, char **argv)
{
    static const int stops[] = {SIGTSTP, SIGTTIN, SIGTTOU};

    (void)argc;
    e = enclave_build(argv[1]);
    shared = shared_memory();
    check(SIGSTOP, DEFAULT);
    for (int i = 0; i < 3; i++) {
        check(stops[i], DEFAULT);
        check(stops[i], HANDLED);
        check(stops[i], BLOCKED);
    }
    killed_while_it_stands(SIGSTOP);
    killed_while_it_stands(SIGTSTP);
    return 0;
}

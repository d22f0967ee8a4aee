/* Forks while the enclave is busy: by a thread beside one inside, and by a handler that interrupted one. What is
 * inside belongs to the thread that went there; whoever resumes an interrupted frame first has it. */
#include <pthread.h>
#include <ucontext.h>

#include "children.h"
#include "enter.h"
#include "inside.h"

static struct enclave e;
static struct shared *shared;
static volatile pid_t forked;
static volatile int refused;

static void *inside(void *unused)
{
    CHECK_EQ(enter(&shared->op, e.base + TCS(0)), EEXIT);
    return unused;
}

static uint64_t ask(int thread, struct op op)
{
    CHECK_EQ(enter(&op, e.base + TCS(thread)), EEXIT);
    return op.result;
}

static void *fork_beside(void *unused)
{
    uint64_t word = e.base + DATA + 8;

    for (uint64_t i = 1; i <= 20; i++) {
        pid_t child = fork();
        if (child == 0) {
            /* The thread that is inside is the parent's. */
            struct op op = {.function = OP_NOP, .result = 9};
            CHECK_EQ(enter(&op, e.base + TCS(0)), EENTER);
            CHECK_EQ(refused, 1);
            CHECK_EQ(op.result, 9);
            CHECK_EQ(ask(1, (struct op){.function = OP_LOAD, .a = word}), i - 1);
            ask(1, (struct op){.function = OP_STORE, .a = word, .b = i});
            if (i % 4 == 3)
                raise(SIGKILL);
            pid_t grandchild = i % 4 == 2 ? fork() : -1;
            if (grandchild == 0) {
                CHECK_EQ(ask(2, (struct op){.function = OP_LOAD, .a = word}), i);
                _exit(8);
            }
            if (grandchild > 0)
                CHECK_EQ(finish(grandchild), 8);
            _exit(7);
        }
        if (i % 4 == 3) {
            int status;
            CHECK_EQ(waitpid(child, &status, 0), child);
            CHECK(WIFSIGNALED(status));
        } else {
            CHECK_EQ(finish(child), 7);
        }
        CHECK_EQ(ask(1, (struct op){.function = OP_LOAD, .a = word}), i);
    }
    return unused;
}

static void spin(void)
{
    shared->started = shared->stop = 0;
    shared->op = (struct op){.function = OP_SPIN,
                             .a = (uint64_t)&shared->started,
                             .b = (uint64_t)&shared->stop,
                             .result = 9};
}

/* ENCLU that faults itself goes on behind the EENTER. */
static void on_refusal(int signal, siginfo_t *info, void *frame)
{
    greg_t *regs = ((ucontext_t *)frame)->uc_mcontext.gregs;

    (void)signal, (void)info;
    CHECK(regs[REG_RIP] == (greg_t)enter_enclu || regs[REG_RIP] == (greg_t)aep_enclu);
    CHECK_EQ(regs[REG_TRAPNO], VECTOR_GP);
    refused++;
    regs[REG_RIP] = (greg_t)entered;
}

static void on_user(int signal, siginfo_t *info, void *frame)
{
    (void)signal, (void)info;
    CHECK_EQ(((ucontext_t *)frame)->uc_mcontext.gregs[REG_RIP], aep);
    forked = fork();
    if (forked == 0)
        return;
    shared->stop = 1;
    CHECK_EQ(finish(forked), 9);
}

static void *interrupt(void *thread)
{
    wait_for(&shared->started);
    CHECK_EQ(pthread_kill(*(pthread_t *)thread, SIGUSR1), 0);
    return NULL;
}

static void fork_in_handler(void)
{
    pthread_t self = pthread_self(), sender;

    for (int i = 0; i < 5; i++) {
        spin();
        refused = 0;
        CHECK_EQ(pthread_create(&sender, NULL, interrupt, &self), 0);
        uint64_t rax = enter(&shared->op, e.base + TCS(0));
        if (forked == 0) {
            /* The child resumes what its parent was interrupted in. */
            CHECK_EQ(rax, EEXIT);
            CHECK_EQ(shared->op.result, 0);
            _exit(9);
        }
        /* Nothing is left for the parent to resume. */
        CHECK_EQ(rax, ERESUME);
        CHECK_EQ(refused, 1);
        CHECK_EQ(pthread_join(sender, NULL), 0);
        CHECK_EQ(ask(0, (struct op){.function = OP_NOP}), 0);
    }
}

int main(int argc, char **argv)
{
    (void)argc;
    struct sigaction user = {.sa_sigaction = on_user, .sa_flags = SA_SIGINFO};
    struct sigaction refusal = {.sa_sigaction = on_refusal, .sa_flags = SA_SIGINFO};
    pthread_t threads[2];

    e = enclave_build(argv[1]);
    shared = shared_memory();
    CHECK_EQ(sigaction(SIGUSR1, &user, NULL), 0);
    CHECK_EQ(sigaction(SIGSEGV, &refusal, NULL), 0);

    spin();
    CHECK_EQ(pthread_create(&threads[0], NULL, inside, NULL), 0);
    wait_for(&shared->started);
    CHECK_EQ(pthread_create(&threads[1], NULL, fork_beside, NULL), 0);
    CHECK_EQ(pthread_join(threads[1], NULL), 0);
    shared->stop = 1;
    CHECK_EQ(pthread_join(threads[0], NULL), 0);
    CHECK_EQ(shared->op.result, 0);

    fork_in_handler();
    return 0;
}

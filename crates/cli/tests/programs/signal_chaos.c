/* Everything at once: threads that compute, fault, fork and block some signals or, every other one, all of them
 * for good, while another process sends handled signals, stops and continues. All results are exact, and each
 * signal that was sent is handled. */
#define THREADS 8

#include <asm/prctl.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <ucontext.h>

#include "compute.h"
#include "enter.h"
#include "inside.h"

#define WORKERS 4
#define LAPS 40
#define ROUNDS 500

static struct enclave e;
static unsigned level;
static struct compute_page expected __attribute__((aligned(4096)));
static struct shared *shared;
static volatile int handled, faults;

/* Steps over the UD2, on the TCS that the thread was interrupted on. */
static void on_fault(int signal, siginfo_t *info, void *frame)
{
    const greg_t *regs = ((ucontext_t *)frame)->uc_mcontext.gregs;
    struct op mend = {.function = OP_HANDLE, .a = 2};

    (void)signal, (void)info;
    CHECK_EQ(regs[REG_RIP], aep);
    CHECK_EQ(regs[REG_RAX], ERESUME);
    CHECK_EQ(regs[REG_TRAPNO], VECTOR_UD);
    CHECK_EQ(enter(&mend, (uint64_t)regs[REG_RBX]), EEXIT);
    CHECK_EQ(mend.result, 0x80000306);
    __atomic_add_fetch(&faults, 1, __ATOMIC_RELAXED);
}

static void on_signal(int signal, siginfo_t *info, void *frame)
{
    const greg_t *regs = ((ucontext_t *)frame)->uc_mcontext.gregs;

    (void)signal, (void)info;
    CHECK((uint64_t)regs[REG_RIP] - e.base >= e.size);
    __atomic_add_fetch(&handled, 1, __ATOMIC_RELAXED);
}

static void compute(uint64_t tcs)
{
    uint8_t result[3072] = {0};
    uint32_t left = 1;
    struct op op = {.function = OP_COMPUTE, .a = ROUNDS, .b = level, .c = (uint64_t)result,
                    .d = (uint64_t)&left};

    CHECK_EQ(enter(&op, tcs), EEXIT);
    CHECK_EQ(compute_differ(result, expected.result), 0);
    CHECK_EQ(left, 0);
}

static void fault(uint64_t tcs)
{
    struct op op = {.function = OP_UNDEFINED, .result = 9};

    CHECK_EQ(enter(&op, tcs), EEXIT);
    CHECK_EQ(op.result, STEPPED_OVER);
}

static void fork_one(uint64_t tcs, int number)
{
    int status;
    pid_t child = fork();

    if (child == 0) {
        compute(tcs);
        if (!(number & 1))
            fault(tcs);
        _exit(3);
    }
    CHECK(child > 0);
    CHECK_EQ(TEMP_FAILURE_RETRY(waitpid(child, &status, 0)), child);
    CHECK(WIFEXITED(status));
    CHECK_EQ(WEXITSTATUS(status), 3);
}

static void *work(void *argument)
{
    int number = (int)(long)argument;
    uint64_t own = e.base + TCS(number), childs = e.base + TCS(WORKERS + number);
    sigset_t some, all, before, after;

    sigfillset(&all);
    sigemptyset(&some);
    sigaddset(&some, SIGRTMIN);
    sigaddset(&some, SIGSEGV);
    if (number & 1)
        CHECK_EQ(pthread_sigmask(SIG_BLOCK, &all, NULL), 0);
    for (int lap = 0; lap < LAPS; lap++) {
        compute(own);
        if (number & 1)
            compute(own);
        else
            fault(own);
        CHECK_EQ(pthread_sigmask(SIG_BLOCK, &some, &before), 0);
        compute(own);
        CHECK_EQ(pthread_sigmask(SIG_SETMASK, &before, &after), 0);
        CHECK_EQ(sigismember(&after, SIGILL), number & 1);
        CHECK_EQ(sigismember(&after, SIGUSR1), number & 1);
        CHECK_EQ(sigismember(&after, SIGSEGV), 1);
        CHECK_EQ(sigismember(&after, SIGRTMIN), 1);
        if (lap % 8 == number)
            fork_one(childs, number);
    }
    return NULL;
}

/* Sends until it is stopped; says how many it sent that the other handles, each of which is queued. */
static void send(pid_t to)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (int i = 0; !shared->stop && getppid() == to; i++) {
        if (i % 16 == 7) {
            kill(to, SIGSTOP);
            usleep(300);
            kill(to, SIGCONT);
        } else if (sigqueue(to, SIGRTMIN, (union sigval){.sival_int = i}) == 0) {
            shared->op.result++;
        }
        usleep(700);
    }
    _exit(0);
}

static void compute_expected(void)
{
    void *code = mmap(NULL, COMPUTE_CODE_PAGES * PAGE, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    CHECK(code != MAP_FAILED);
    compute_copy(code, e.image);
    CHECK_EQ(mprotect(code, COMPUTE_CODE_PAGES * PAGE, PROT_READ | PROT_EXEC), 0);
    CHECK_EQ(syscall(SYS_arch_prctl, ARCH_SET_GS, &expected), 0);
    compute_outside(code, &expected, ROUNDS, level);
}

int main(int argc, char **argv)
{
    (void)argc;
    struct sigaction fault_action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_NODEFER};
    struct sigaction action = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_RESTART};
    pthread_t threads[WORKERS];
    int status;

    level = compute_level();
    e = enclave_load(argv[1]);
    struct secs secs = enclave_secs(&e);
    secs.xfrm = compute_xfrm(level);
    enclave_build_with(&e, &secs);
    compute_expected();
    shared = shared_memory();
    CHECK_EQ(sigaction(SIGILL, &fault_action, NULL), 0);
    CHECK_EQ(sigaction(SIGRTMIN, &action, NULL), 0);

    pid_t parent = getpid(), sender = fork();
    CHECK(sender >= 0);
    if (sender == 0)
        send(parent);
    for (long i = 0; i < WORKERS; i++)
        CHECK_EQ(pthread_create(&threads[i], NULL, work, (void *)i), 0);
    for (int i = 0; i < WORKERS; i++)
        CHECK_EQ(pthread_join(threads[i], NULL), 0);
    shared->stop = 1;
    CHECK_EQ(waitpid(sender, &status, 0), sender);
    CHECK_EQ(status, 0);
    CHECK_EQ(faults, WORKERS / 2 * LAPS);
    CHECK(shared->op.result > 0);
    CHECK_EQ(handled, shared->op.result);
    for (int i = 0; i < THREADS; i++) {
        struct op op = {.function = OP_NOP, .result = 9};
        CHECK_EQ(enter(&op, e.base + TCS(i)), EEXIT);
        CHECK_EQ(op.result, 0);
    }
    return 0;
}

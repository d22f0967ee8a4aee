/* AEX-Notify: an enclave that computes with all its registers is interrupted, at least as often as
 * the second argument says. Each time it is not resumed but entered where it begins, with the
 * interrupted frame below; it loads all registers from there itself, after an EDECCSSA, and the
 * result is exact. Signals that come while it does so make no difference. */
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>

#include "vdso.h"

#define ROUNDS 50000
#define SEED 0x0123456789abcdefUL
#define MIX 0x1000 /* offset of mix in notify.S */
#define RESULT_BYTES (15 * 8 + 8 * 16)
/* EXITINFO of a UD2. */
#define UNDEFINED 0x80000306UL

typedef void (*mix)(uint64_t rounds, uint64_t seed, void *result, volatile uint32_t *progress);

/* What both processes see. */
struct shared {
    volatile uint64_t alarms;
    volatile uint32_t progress, progress_then, stop;
    /* The enclave's handler waits here for a signal. */
    volatile uint32_t meet;
    volatile uint64_t met;
};

static struct shared *shared;

static void on_alarm(int signal)
{
    (void)signal;
    if (shared->meet) {
        shared->met++;
        shared->meet = 0;
    }
    /* The next is due when this has changed again. */
    shared->progress_then = shared->progress;
    shared->alarms++;
}

/* The other process: an alarm as soon as the one before has been handled and the enclave has got
 * on, or waits. */
static void send_alarms(pid_t to)
{
    struct timespec pause = {0, 30000};
    uint64_t sent = 0;

    prctl(PR_SET_TIMERSLACK, 1);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    while (!shared->stop && getppid() == to) {
        if (shared->alarms == sent &&
            (shared->meet || shared->progress != shared->progress_then)) {
            sent++;
            kill(to, SIGALRM);
        }
        nanosleep(&pause, NULL);
    }
    _exit(0);
}

/* The right result, from the same code outside. */
static void expect(const struct enclave *e, uint8_t *result)
{
    uint8_t *code = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    volatile uint32_t progress = 0;

    CHECK(code != MAP_FAILED);
    memcpy(code, e->pages[MIX / PAGE].bytes, PAGE);
    CHECK(mprotect(code, PAGE, PROT_READ | PROT_EXEC) == 0);
    ((mix)(uintptr_t)code)(ROUNDS, SEED, result, &progress);
    CHECK_EQ(progress, ROUNDS);
}

/* The enclave computes; gives how often it was notified. */
static uint64_t compute(const struct enclave *e, const uint8_t *expected, volatile uint32_t *meet)
{
    uint8_t result[RESULT_BYTES] = {0};
    struct op op = {.a = ROUNDS, .b = SEED, .c = (uint64_t)result,
                    .d = (uint64_t)&shared->progress,
                    .regs = {e->image->xfrm, (uint64_t)meet}};

    CHECK_EQ(enclave_call(e, 0, EENTER, &op).function, EEXIT);
    CHECK(memcmp(result, expected, sizeof(result)) == 0);
    CHECK_EQ(op.regs[0], 0); /* EXITINFO tells nothing of an interrupt */
    return op.result;
}

/* An exception: reported outside as ever, and to the handler once the program resumes. */
static void undefined(const struct enclave *e)
{
    uint64_t value = 0;
    struct op unused = {0}, op = {.function = 1, .c = (uint64_t)&value, .regs = {e->image->xfrm}};
    struct sgx_run run = enclave_call(e, 0, EENTER, &op);

    CHECK_EXCEPTION(run, VECTOR_UD, 0, 0);
    CHECK_EQ(enclave_call(e, 0, ERESUME, &unused).function, EEXIT);
    CHECK_EQ(value, 0x1122334455667788);
    CHECK_EQ(op.regs[0], UNDEFINED);
    CHECK_EQ(op.result, 1);
}

/* Thread and enclave have to agree. */
static void disagree(const char *path)
{
    struct enclave e = enclave_build(path);
    struct op op = {0};
    struct sgx_run run = enclave_call(&e, 0, EENTER, &op);

    CHECK_EQ(run.function, EENTER);
    CHECK_EQ(run.exception_vector, VECTOR_GP);
    CHECK_EQ(run.exception_error_code, 0);
    CHECK_EQ(run.exception_addr, 0);
}

int main(int argc, char **argv)
{
    CHECK(argc == 3);
    uint64_t wanted = strtoull(argv[2], NULL, 10), notified = 0, met = 0;
    uint8_t expected[RESULT_BYTES];
    struct enclave e = enclave_load(argv[1]);
    struct secs secs = enclave_secs(&e);

    disagree(argv[1]);
    secs.attributes |= ATTR_AEXNOTIFY;
    enclave_build_with(&e, &secs);
    expect(&e, expected);
    shared = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(shared != MAP_FAILED);
    undefined(&e);
    CHECK_EQ(compute(&e, expected, NULL), 0);

    CHECK(signal(SIGALRM, on_alarm) != SIG_ERR);
    pid_t parent = getpid(), child = fork();
    CHECK(child >= 0);
    if (child == 0)
        send_alarms(parent);
    while (notified < wanted)
        notified += compute(&e, expected, NULL);
    CHECK(notified <= shared->alarms);
    /* Now each handler waits for a signal that interrupts it; that one is no notification. */
    while (met < wanted / 20) {
        uint64_t before = shared->met, times = compute(&e, expected, &shared->meet);
        CHECK_EQ(shared->met - before, times);
        met += times;
    }
    shared->stop = 1;
    CHECK_EQ(waitpid(child, NULL, 0), child);
    return 0;
}

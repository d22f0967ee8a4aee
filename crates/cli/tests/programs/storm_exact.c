/* A storm of SIGALRM, as many as the second argument says, over an enclave that computes with all its registers
 * at once: the results are exact. At least half of the alarms interrupt it inside, as it sees itself by the SSA
 * frame. Another process sends each as soon as the one before has been handled and the enclave has got on by a
 * round, however fast that is. Without a C library. */
#define THREADS 8

#include <signal.h>
#include <ucontext.h>

#include "compute.h"
#include "enter.h"
#include "raw.h"

#define ROUNDS 20000
/* Nanoseconds that the sender sleeps. */
#define PAUSE_NS 30000

#define ARCH_SET_GS 0x1001
#define SET_TIMERSLACK 29
#define RESTORER 0x04000000

struct kernel_action {
    void (*handler)(int, siginfo_t *, void *);
    unsigned long flags;
    void (*restorer)(void);
    unsigned long mask;
};

/* What both processes see. */
struct shared {
    volatile uint64_t alarms;
    volatile uint32_t progress, progress_then, stop;
};

void restorer(void);
__asm__("restorer: mov $15, %eax\n syscall\n");

static struct raw_enclave e;
static struct compute_page expected __attribute__((aligned(4096)));
static uint8_t code[COMPUTE_CODE_PAGES * PAGE] __attribute__((aligned(4096)));
static uint8_t result[3072];
static struct shared *shared;
static uint64_t inside;

static void on_alarm(int signal, siginfo_t *info, void *frame)
{
    const greg_t *regs = ((ucontext_t *)frame)->uc_mcontext.gregs;
    uint64_t rip = (uint64_t)regs[REG_RIP];

    (void)signal, (void)info;
    must(21, rip - e.base >= e.image->size);
    if (rip == (uint64_t)aep) {
        inside++;
        must(22, regs[REG_RAX] == ERESUME && regs[REG_RCX] == (greg_t)rip &&
                     regs[REG_RBX] == (greg_t)(e.base + TCS(5)) && regs[REG_RDI] == 0 &&
                     regs[REG_R15] == 0);
    }
    /* The next is due when this has changed again. */
    shared->progress_then = shared->progress;
    shared->alarms++;
}

/* The other process. What it waits for it looks for again and again, with short sleeps. */
static void send_alarms(long to)
{
    static const long pause[] = {0, PAUSE_NS};
    uint64_t sent = 0;

    call(SYS_PRCTL, SET_TIMERSLACK, 1, 0, 0, 0, 0);
    while (!shared->stop && call(SYS_GETPPID, 0, 0, 0, 0, 0, 0) == to) {
        if (shared->alarms == sent && shared->progress != shared->progress_then) {
            sent++;
            call(SYS_KILL, to, SIGALRM, 0, 0, 0, 0);
        }
        call(SYS_NANOSLEEP, (long)pause, 0, 0, 0, 0, 0);
    }
    call(SYS_EXIT, 0, 0, 0, 0, 0, 0);
}

static uint64_t number(const char *digits)
{
    uint64_t value = 0;
    while (*digits)
        value = value * 10 + (uint64_t)(*digits++ - '0');
    return value;
}

__attribute__((used)) static void start(const long *stack)
{
    struct kernel_action action = {on_alarm, SA_SIGINFO | SA_RESTART | RESTORER, restorer, 0};
    uint64_t seen = 0;

    must(10, stack[0] == 3);
    uint64_t wanted = number((const char *)stack[3]);
    unsigned level = compute_level();
    e = raw_load((const char *)stack[2]);
    raw_build(&e, compute_xfrm(level));

    compute_copy(code, e.image);
    must(11, call(SYS_MPROTECT, (long)code, sizeof(code), 5, 0, 0, 0) == 0);
    must(12, call(SYS_ARCH_PRCTL, ARCH_SET_GS, (long)&expected, 0, 0, 0, 0) == 0);
    compute_outside(code, &expected, ROUNDS, level);

    must(13, call(SYS_SIGACTION, SIGALRM, (long)&action, 0, 8, 0, 0) == 0);
    shared = (void *)call(SYS_MMAP, 0, PAGE, 3, ANONYMOUS_SHARED, -1, 0);
    long parent = call(SYS_GETPID, 0, 0, 0, 0, 0, 0), child = call(SYS_FORK, 0, 0, 0, 0, 0, 0);
    must(19, child >= 0);
    if (child == 0)
        send_alarms(parent);
    while (shared->alarms < wanted) {
        struct op op = {.function = OP_COMPUTE, .a = ROUNDS, .b = level, .c = (uint64_t)result,
                        .d = (uint64_t)&shared->progress};
        enter(&op, e.base + TCS(5));
        must(14, compute_differ(result, expected.result) == 0);
        seen += op.result;
    }
    shared->stop = 1;
    must(20, call(SYS_WAIT4, child, 0, 0, 0, 0, 0) == child);
    must(15, seen <= resumes);
    must(16, resumes <= inside);
    must(17, inside <= shared->alarms);
    must(18, seen >= wanted / 2);
    call(SYS_EXIT, 0, 0, 0, 0, 0, 0);
}

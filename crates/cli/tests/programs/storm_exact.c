/* A storm of SIGALRM, as many as the second argument says, over an enclave that computes with all its registers
 * at once: the results are exact. At least half of the alarms interrupt it inside, as it sees itself by the SSA
 * frame. The alarms come as fast as it still gets on. Without a C library. */
#define THREADS 8

#include <signal.h>
#include <ucontext.h>

#include "compute.h"
#include "enter.h"
#include "raw.h"

#define ROUNDS 20000
/* Microseconds from one alarm to the next. */
#define SHORTEST 20
#define LONGEST 20000

#define ARCH_SET_GS 0x1001
#define RESTORER 0x04000000

struct kernel_action {
    void (*handler)(int, siginfo_t *, void *);
    unsigned long flags;
    void (*restorer)(void);
    unsigned long mask;
};

struct timer {
    long interval_s, interval_us, s, us;
};

void restorer(void);
__asm__("restorer: mov $15, %eax\n syscall\n");

static struct raw_enclave e;
static struct compute_page expected __attribute__((aligned(4096)));
static uint8_t code[COMPUTE_CODE_PAGES * PAGE] __attribute__((aligned(4096)));
static uint8_t result[3072];
static volatile uint64_t alarms, inside;
static volatile uint32_t progress;
static uint32_t progress_before;
static long delay = SHORTEST;

static void set_timer(long us)
{
    struct timer timer = {0, 0, 0, us};
    must(20, call(SYS_SETITIMER, 0, (long)&timer, 0, 0, 0, 0) == 0);
}

static void on_alarm(int signal, siginfo_t *info, void *frame)
{
    const greg_t *regs = ((ucontext_t *)frame)->uc_mcontext.gregs;
    uint64_t rip = (uint64_t)regs[REG_RIP];

    (void)signal, (void)info;
    alarms++;
    must(21, rip - e.base >= e.image->size);
    if (rip == (uint64_t)aep) {
        inside++;
        must(22, regs[REG_RAX] == ERESUME && regs[REG_RCX] == (greg_t)rip &&
                     regs[REG_RBX] == (greg_t)(e.base + TCS(5)) && regs[REG_RDI] == 0 &&
                     regs[REG_R15] == 0);
    }
    /* Not so fast that the enclave stands still. */
    delay += progress == progress_before ? 10 : -1;
    delay = delay < SHORTEST ? SHORTEST : delay > LONGEST ? LONGEST : delay;
    progress_before = progress;
    set_timer(delay);
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
    struct kernel_action action = {on_alarm, SA_SIGINFO | RESTORER, restorer, 0};
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
    set_timer(delay);
    while (alarms < wanted) {
        struct op op = {.function = OP_COMPUTE, .a = ROUNDS, .b = level, .c = (uint64_t)result,
                        .d = (uint64_t)&progress};
        enter(&op, e.base + TCS(5));
        must(14, compute_differ(result, expected.result) == 0);
        seen += op.result;
    }
    set_timer(0);
    must(15, seen <= resumes);
    must(16, resumes <= inside);
    must(17, inside <= alarms);
    must(18, seen >= wanted / 2);
    call(SYS_EXIT, 0, 0, 0, 0, 0, 0);
}

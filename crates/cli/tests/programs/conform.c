/*
 * A process whose memory, system calls and threads are another program's to use: what it is told on standard
 * input it does, and answers on standard output. Threads are processors: each runs the agent of conform.S at
 * the address that its block names, and an exception brings it back there with what the handler saw.
 */
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#include "check.h"
#include "conform.h"

enum { SYSCALL, READ, WRITE, START, STEP, INTERRUPT };

struct command {
    uint64_t what, a, b, c, d, e, f, g;
};

#define BLOCK(n) ((volatile uint8_t *)(uintptr_t)(BLOCKS + (n) * BLOCK_BYTES))
#define U32(n, at) (*(volatile uint32_t *)(BLOCK(n) + (at)))
#define U64(n, at) (*(volatile uint64_t *)(BLOCK(n) + (at)))

static __thread int processor = -1;
static pthread_t threads[PROCESSORS];
static sigjmp_buf touched;

static const int order[16] = {REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI,
                              REG_R8,  REG_R9,  REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15};

static void on_signal(int signal, siginfo_t *info, void *frame)
{
    greg_t *regs = ((ucontext_t *)frame)->uc_mcontext.gregs;
    int n = processor;

    (void)info;
    if (n < 0)
        siglongjmp(touched, 1);
    for (int i = 0; i < 16; i++)
        U64(n, OUT + i * 8) = (uint64_t)regs[order[i]];
    U64(n, OUT_RFLAGS) = (uint64_t)regs[REG_EFL];
    U64(n, RIP) = (uint64_t)regs[REG_RIP];
    U64(n, VECTOR) = signal == SIGUSR1 ? ~0UL : (uint64_t)regs[REG_TRAPNO];
    U64(n, ERROR) = (uint64_t)regs[REG_ERR];
    U64(n, ADDRESS) = (uint64_t)regs[REG_CR2];
    memcpy((void *)(BLOCK(n) + XOUT), ((ucontext_t *)frame)->uc_mcontext.fpregs, XSAVE_BYTES);
    regs[REG_RIP] = (greg_t)U64(n, WAIT);
    regs[REG_EFL] &= ~0x40500; /* AC, DF, TF */
    U32(n, WHERE) = 0;
    U32(n, DONE) = BY_SIGNAL;
}

static void *run(void *number)
{
    stack_t stack = {.ss_size = 1 << 16, .ss_sp = malloc(1 << 16)};

    processor = (int)(uintptr_t)number;
    CHECK(stack.ss_sp != NULL && sigaltstack(&stack, NULL) == 0);
    ((void (*)(void))(uintptr_t)U64(processor, WAIT))();
    return NULL;
}

static void all(int writing, void *bytes, size_t length)
{
    for (size_t done = 0; done < length;) {
        uint8_t *at = (uint8_t *)bytes + done;
        ssize_t n = writing ? write(1, at, length - done) : read(0, at, length - done);
        if (n <= 0)
            _exit(n < 0);
        done += (size_t)n;
    }
}

/* Rings, and waits until the processor is done: ten seconds at most. */
static uint64_t step(uint64_t n, int ring)
{
    struct timespec now, start;

    if (ring) {
        U32(n, DONE) = 0;
        U32(n, DOORBELL) = 1;
        syscall(SYS_FUTEX, BLOCK(n) + DOORBELL, 1 /* FUTEX_WAKE */, 1, NULL, NULL, 0);
    }
    clock_gettime(CLOCK_MONOTONIC, &start);
    do {
        sched_yield();
        clock_gettime(CLOCK_MONOTONIC, &now);
    } while (!U32(n, DONE) && now.tv_sec < start.tv_sec + 10);
    return U32(n, DONE);
}

/* A thread that stands at the site for a while is interrupted there. */
static uint64_t interrupt(uint64_t n)
{
    struct timespec time = {0, 20000000};

    U32(n, DONE) = 0;
    U32(n, DOORBELL) = 1;
    while (U32(n, DOORBELL))
        sched_yield();
    nanosleep(&time, NULL);
    CHECK(pthread_kill(threads[n], SIGUSR1) == 0);
    return step(n, 0);
}

/* Moves bytes between our memory and a pipe; 0 where the memory cannot be touched. */
static uint64_t carry(const struct command *c)
{
    static uint8_t buffer[1 << 16];

    CHECK(c->b <= sizeof(buffer));
    if (c->what == WRITE)
        all(0, buffer, c->b);
    if (sigsetjmp(touched, 1))
        return 0;
    if (c->what == WRITE)
        memcpy((void *)(uintptr_t)c->a, buffer, c->b);
    else
        memcpy(buffer, (void *)(uintptr_t)c->a, c->b);
    uint64_t good = 1;
    if (c->what == READ) {
        all(1, &good, sizeof(good));
        all(1, buffer, c->b);
    }
    return good;
}

int main(void)
{
    struct sigaction action = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER};
    const int signals[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, SIGUSR1};
    struct command c;

    for (size_t i = 0; i < sizeof(signals) / sizeof(*signals); i++)
        CHECK(sigaction(signals[i], &action, NULL) == 0);
    void *blocks = mmap((void *)BLOCKS, PROCESSORS * BLOCK_BYTES, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    CHECK(blocks == (void *)BLOCKS);
    for (;;) {
        uint64_t result = 0;

        all(0, &c, sizeof(c));
        switch (c.what) {
        case SYSCALL:
            result = (uint64_t)syscall((long)c.a, c.b, c.c, c.d, c.e, c.f, c.g);
            if (result == ~0UL)
                result = (uint64_t)-errno;
            break;
        case READ:
            result = carry(&c);
            if (result)
                continue;
            break;
        case WRITE:
            result = carry(&c);
            break;
        case START:
            result = (uint64_t)pthread_create(&threads[c.a], NULL, run, (void *)(uintptr_t)c.a);
            break;
        case STEP:
            result = step(c.a, 1);
            break;
        case INTERRUPT:
            result = interrupt(c.a);
            break;
        }
        all(1, &result, sizeof(result));
    }
}

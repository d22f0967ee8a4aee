/* Faults inside with other signals pending all the time: the handler of the fault still sees its own
 * error code and address, and the others come too. */
#include <pthread.h>
#include <time.h>

#include "own.h"

#define ROUNDS 200

static struct enclave e;
static volatile unsigned faults, others, queued;
static volatile int stop;
static pthread_t main_thread;

static void on_fault(int signal, siginfo_t *info, void *frame)
{
    ucontext_t *context = frame;
    const greg_t *regs = context->uc_mcontext.gregs;
    struct op mend = {.function = OP_HANDLE, .a = 3};
    struct own_exit left;
    uint64_t rsp = own_rsp, rbp = own_rbp;

    (void)signal;
    CHECK_EQ((uint64_t)info->si_addr, e.base + READ_ONLY);
    CHECK_EQ(info->si_code, SEGV_ACCERR);
    CHECK_EQ(regs[REG_CR2], e.base + READ_ONLY);
    CHECK_EQ(regs[REG_ERR], 7);
    CHECK_EQ(regs[REG_TRAPNO], VECTOR_PF);
    check_aex_image(context, e.base + TCS(0), own_aep);
    faults++;
    own_enter(&mend, e.base + TCS(0), own_aep, &left);
    CHECK_EQ(left.rax, EEXIT);
    own_rsp = rsp;
    own_rbp = rbp;
}

static void on_other(int signal, siginfo_t *info, void *context)
{
    (void)info, (void)context;
    others++;
    if (signal == SIGRTMIN + 2)
        queued++;
}

static void *send(void *unused)
{
    struct timespec pause = {0, 20000};

    /* No more than a few wait at a time: a thread that gets signals faster than it can take them never
     * comes to anything else. */
    for (unsigned sent = 0; !stop; nanosleep(&pause, NULL)) {
        if (sent - queued > 1)
            continue;
        pthread_kill(main_thread, SIGUSR1);
        pthread_kill(main_thread, SIGRTMIN + 2);
        sent++;
    }
    return unused;
}

int main(int argc, char **argv)
{
    (void)argc;
    pthread_t sender;
    struct sigaction fault = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO};

    e = enclave_build(argv[1]);
    main_thread = pthread_self();
    sigfillset(&fault.sa_mask);
    CHECK_EQ(sigaction(SIGSEGV, &fault, NULL), 0);
    on_signal(SIGUSR1, on_other, SA_RESTART);
    on_signal(SIGRTMIN + 2, on_other, 0);
    CHECK_EQ(pthread_create(&sender, NULL, send, NULL), 0);
    struct op touch = {.function = OP_LOAD, .a = e.base + READ_ONLY};
    struct own_exit left;
    own_enter(&touch, e.base + TCS(0), own_aep, &left);
    CHECK_EQ(left.rax, EEXIT);
    for (int round = 0; round < ROUNDS; round++) {
        struct op op = {.function = OP_STORE, .a = e.base + READ_ONLY, .b = 1, .result = 9};
        own_enter(&op, e.base + TCS(0), own_aep, &left);
        CHECK_EQ(left.rax, EEXIT);
        CHECK_EQ(op.result, 0);
        CHECK_EQ(faults, round + 1);
    }
    stop = 1;
    CHECK_EQ(pthread_join(sender, NULL), 0);
    CHECK(others > 0);
    return 0;
}

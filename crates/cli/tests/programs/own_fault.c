/* Signal frames of faults inside, for a program with its own ENCLU and handlers: the registers
 * that an AEX leaves, the exact trap number, error code, address and code. The handler mends the
 * interrupted frame by an entry on the same TCS and returns to the AEP, so to ERESUME. */
#include "own.h"

static struct enclave e;

static struct {
    int signal, code, trap;
    uint64_t error, address; /* address: si_addr, and cr2 of a page fault */
    unsigned bytes;
} want;
static int caught;

static void handler(int signal, siginfo_t *info, void *frame)
{
    ucontext_t *context = frame;
    const greg_t *regs = context->uc_mcontext.gregs;
    struct own_exit left;
    struct op mend = {.function = OP_HANDLE, .a = want.bytes};
    uint64_t rsp = own_rsp, rbp = own_rbp;

    caught++;
    CHECK_EQ(signal, want.signal);
    check_aex_image(context, e.base + TCS(0), own_aep);
    CHECK_EQ(regs[REG_TRAPNO], want.trap);
    CHECK_EQ(regs[REG_ERR], want.error);
    CHECK_EQ(info->si_signo, want.signal);
    CHECK_EQ(info->si_code, want.code);
    CHECK_EQ((uint64_t)info->si_addr, want.address);
    if (want.trap == VECTOR_PF)
        CHECK_EQ(regs[REG_CR2], want.address);

    own_enter(&mend, e.base + TCS(0), own_aep, &left);
    CHECK_EQ(left.rax, EEXIT);
    own_rsp = rsp;
    own_rbp = rbp;
}

static void fault(struct op op, int signal, int code, int trap, uint64_t error, uint64_t address,
                  unsigned bytes)
{
    struct own_exit left;

    want.signal = signal;
    want.code = code;
    want.trap = trap;
    want.error = error;
    want.address = address;
    want.bytes = bytes;
    caught = 0;
    own_enter(&op, e.base + TCS(0), own_aep, &left);
    CHECK_EQ(caught, 1);
    CHECK_EQ(left.rax, EEXIT);
}

static void page_fault(int write, uint64_t address, int signal, int code, uint64_t error)
{
    struct op op = {.function = write ? OP_STORE : OP_LOAD, .a = address};
    fault(op, signal, code, VECTOR_PF, error, address & ~(PAGE - 1), 3);
}

int main(int argc, char **argv)
{
    (void)argc;
    static const int signals[] = {SIGILL, SIGFPE, SIGSEGV, SIGBUS};
    uint64_t aep = (uint64_t)own_aep;

    e = enclave_build(argv[1]);
    for (int i = 0; i < 4; i++)
        on_signal(signals[i], handler, SA_NODEFER);

    fault((struct op){.function = OP_UNDEFINED}, SIGILL, ILL_ILLOPN, VECTOR_UD, 0, aep, 2);
    fault((struct op){.function = OP_BREAKPOINT}, SIGILL, ILL_ILLOPN, VECTOR_UD, 0, aep, 1);
    fault((struct op){.function = OP_DIVIDE}, SIGFPE, FPE_INTDIV, VECTOR_DE, 0, aep, 2);
    fault((struct op){.function = OP_ENCLU, .a = 0x1000}, SIGSEGV, SI_KERNEL, VECTOR_GP, 0, 0, 3);

    page_fault(0, e.base + TCS(1) + 0x10, SIGSEGV, SEGV_ACCERR, 0x8005);
    page_fault(1, e.base + TCS(1) + 0x10, SIGSEGV, SEGV_ACCERR, 0x8007);
    page_fault(1, e.base + CODE + 0x10, SIGSEGV, SEGV_ACCERR, 7);
    page_fault(0, e.base + HOLE + 0x10, SIGSEGV, SEGV_ACCERR, 4);
    CHECK_EQ(munmap((void *)(e.base + HOLE), PAGE), 0);
    page_fault(0, e.base + HOLE + 0x10, SIGSEGV, SEGV_MAPERR, 4);
    CHECK(mmap((void *)(e.base + HOLE), PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, e.fd,
               0) != MAP_FAILED);
    page_fault(0, e.base + HOLE + 0x10, SIGBUS, BUS_ADRERR, 4);
    page_fault(1, e.base + HOLE + 0x10, SIGBUS, BUS_ADRERR, 6);
    return 0;
}

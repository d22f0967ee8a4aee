/* An EENTER that faults itself: the frame shows the ENCLU and the caller's registers. */
#include <setjmp.h>

#include "own.h"

static sigjmp_buf out;
static uint64_t tcs;
static int trap;

static void handler(int signal, siginfo_t *info, void *frame)
{
    const greg_t *regs = ((ucontext_t *)frame)->uc_mcontext.gregs;

    (void)info;
    CHECK_EQ(signal, SIGSEGV);
    CHECK_EQ(regs[REG_RIP], (uint64_t)own_eenter);
    CHECK_EQ(regs[REG_RAX], EENTER);
    CHECK_EQ(regs[REG_RBX], tcs);
    CHECK_EQ(regs[REG_RCX], (uint64_t)own_aep);
    CHECK_EQ(regs[REG_RSP], own_rsp);
    CHECK_EQ(regs[REG_TRAPNO], trap);
    if (trap == VECTOR_PF)
        CHECK_EQ(regs[REG_CR2], tcs);
    else
        CHECK_EQ(regs[REG_ERR], 0);
    siglongjmp(out, 1);
}

static void refused(uint64_t at, int vector)
{
    struct op op = {.function = OP_NOP, .result = 9};
    struct own_exit left;

    tcs = at;
    trap = vector;
    if (sigsetjmp(out, 1) == 0) {
        own_enter(&op, tcs, own_aep, &left);
        CHECK(0);
    }
}

int main(int argc, char **argv)
{
    (void)argc;
    struct enclave e = enclave_build(argv[1]);

    on_signal(SIGSEGV, handler, 0);
    refused(e.base + TCS(0) + 64, VECTOR_GP);
    refused(e.base + DATA, VECTOR_PF);
    refused(e.base + HOLE, VECTOR_PF);
    return 0;
}

/* Other places for the AEP: plain code that never resumes, and the EENTER itself. */
#include "own.h"

static void *aep;
static uint64_t tcs;
static volatile int seen;

static void step_over(int signal, siginfo_t *info, void *frame)
{
    struct op mend = {.function = OP_HANDLE, .a = 2};
    struct own_exit left;
    uint64_t rsp = own_rsp, rbp = own_rbp;

    (void)signal, (void)info;
    seen++;
    check_aex_image(frame, tcs, aep);
    own_enter(&mend, tcs, own_aep, &left);
    own_rsp = rsp;
    own_rbp = rbp;
}

int main(int argc, char **argv)
{
    (void)argc;
    struct enclave e = enclave_build(argv[1]);
    struct op op = {.function = OP_UNDEFINED, .result = 9};
    struct own_exit left;

    on_signal(SIGILL, step_over, SA_NODEFER);

    /* RAX is 3 at the EENTER: the same instruction resumes. */
    aep = own_eenter;
    tcs = e.base + TCS(0);
    own_enter(&op, tcs, aep, &left);
    CHECK_EQ(seen, 1);
    CHECK_EQ(op.result, STEPPED_OVER);
    CHECK_EQ(left.rax, EEXIT);

    /* The thread goes on at plain code after the handler; the frame stays interrupted. */
    aep = own_plain_aep;
    tcs = e.base + TCS(1);
    op.result = 9;
    own_enter(&op, tcs, aep, &left);
    CHECK_EQ(seen, 2);
    CHECK_EQ(op.result, 9);
    CHECK_EQ(left.rax, ERESUME);
    CHECK_EQ(left.rbx, tcs);
    CHECK_EQ(left.rcx, (uint64_t)own_plain_aep);
    CHECK_EQ(left.rsp_moved, 0);
    op = (struct op){.function = OP_NOP};
    own_enter(&op, tcs, own_aep, &left);
    CHECK_EQ(op.result, 1);
    return 0;
}

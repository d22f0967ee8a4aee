/* The exit handler: called on each way out with the registers of the exit, and its return value
 * decides. */
#include <setjmp.h>

#include "vdso.h"

static struct enclave enclave;
static struct op op;
static int calls;
static int answer;
static jmp_buf out;

static int note(long rdi, long rsi, long rdx, long rsp, long r8, long r9, struct sgx_run *run)
{
    (void)rsi, (void)rdx, (void)r8, (void)r9;
    char on_stack __attribute__((aligned(16)));

    calls++;
    CHECK_EQ((uint64_t)&on_stack & 15, 0);
    CHECK((uint64_t)rsp > (uint64_t)&on_stack);
    CHECK_EQ(run->user_data, 0xfeed);
    if (run->function == EEXIT)
        CHECK_EQ(rdi, (uint64_t)&op);
    return answer;
}

static int on_fault(long rdi, long rsi, long rdx, long rsp, long r8, long r9, struct sgx_run *run)
{
    (void)rsp, (void)r8, (void)r9;
    if (run->function == EEXIT)
        return 0;
    calls++;
    CHECK_EQ(rdi, VECTOR_PF);
    CHECK_EQ(rsi, 7);
    CHECK_EQ(rdx, enclave.base + DATA);
    CHECK_EXCEPTION(*run, VECTOR_PF, 7, enclave.base + DATA);
    CHECK_EQ(mprotect((void *)(enclave.base + DATA), PAGE, PROT_READ | PROT_WRITE), 0);
    return ERESUME;
}

/* Enters again at another TCS, as runtimes do for a call out. */
static int again(long rdi, long rsi, long rdx, long rsp, long r8, long r9, struct sgx_run *run)
{
    (void)rdi, (void)rsi, (void)rdx, (void)rsp, (void)r8, (void)r9;
    if (++calls == 3)
        return 0;
    run->tcs += PAGE;
    return EENTER;
}

static int jump(long rdi, long rsi, long rdx, long rsp, long r8, long r9, struct sgx_run *run)
{
    (void)rdi, (void)rsi, (void)rdx, (void)rsp, (void)r8, (void)r9, (void)run;
    longjmp(out, 5);
}

static int enter(void *handler, struct sgx_run *run)
{
    memset(run, 0, sizeof(*run));
    run->tcs = enclave.base + TCS(0);
    run->user_handler = (uint64_t)handler;
    run->user_data = 0xfeed;
    calls = 0;
    return vdso_enter()((unsigned long)&op, 0, 0, EENTER, 0, 0, run);
}

int main(int argc, char **argv)
{
    (void)argc;
    static const int answers[] = {0, -1, -77};
    struct sgx_run run;

    enclave = enclave_build(argv[1]);
    op.function = OP_NOP;
    for (int i = 0; i < 3; i++) {
        answer = answers[i];
        CHECK_EQ((long)enter(note, &run), (long)answer);
        CHECK_EQ(run.function, EEXIT);
        CHECK_EQ(calls, 1);
    }
    answer = 7;
    CHECK_EQ((long)enter(note, &run), (long)-EINVAL);
    CHECK_EQ(calls, 1);

    op = (struct op){.function = OP_STORE, .a = enclave.base + DATA, .b = 3, .result = 9};
    /* An untouched page would have no entry and give 6. */
    enclave_run(&enclave, 0, op);
    op.result = 9;
    CHECK_EQ(mprotect((void *)(enclave.base + DATA), PAGE, PROT_READ), 0);
    CHECK_EQ(enter(on_fault, &run), 0);
    CHECK_EQ(run.function, EEXIT);
    CHECK_EQ(op.result, 0);
    CHECK_EQ(calls, 1);

    op = (struct op){.function = OP_NOP, .result = 9};
    CHECK_EQ(enter(again, &run), 0);
    CHECK_EQ(calls, 3);
    CHECK_EQ(run.tcs, enclave.base + TCS(2));

    if (setjmp(out) == 0) {
        enter(jump, &run);
        CHECK(0);
    }
    CHECK_EQ(enclave_run(&enclave, 0, (struct op){.function = OP_NOP}), 0);
    return 0;
}

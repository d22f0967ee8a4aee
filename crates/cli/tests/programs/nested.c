/* A fault inside handled by a nested entry on the same TCS: the frame, its exit information, the
 * stepped-over instruction and ERESUME; then two levels, and no third. */
#include "vdso.h"

static struct ssa_frame frame;

int main(int argc, char **argv)
{
    (void)argc;
    struct enclave e = enclave_build(argv[1]);
    struct op op = {.function = OP_UNDEFINED, .result = 9}, unused = {0};
    struct op second = {.function = OP_DIVIDE, .result = 9};

    struct sgx_run run = enclave_call(&e, 1, EENTER, &op);
    CHECK_EXCEPTION(run, VECTOR_UD, 0, 0);
    CHECK_EQ(enclave_run(&e, 1, (struct op){.function = OP_NOP}), 1);

    uint64_t exitinfo = enclave_step_over(&e, 1, 2, &frame);
    CHECK_EQ(exitinfo, 0x80000306); /* valid, hardware exception, vector 6 */
    CHECK_EQ(frame.gpr.exitinfo, 0x80000306);
    CHECK(frame.gpr.rip > e.base && frame.gpr.rip < e.base + DATA);
    CHECK_EQ(*(uint16_t *)(e.pages[0].bytes + (frame.gpr.rip - e.base)), 0x0b0f); /* ud2 */
    CHECK_EQ(frame.gpr.rdi, (uint64_t)&op);
    CHECK_EQ(frame.gpr.r10, 0);
    CHECK_EQ(frame.gpr.rsp, frame.gpr.ursp);
    CHECK_EQ(frame.gpr.rbp, frame.gpr.urbp);
    CHECK_EQ(frame.gpr.gsbase, e.base + 0x13000);
    CHECK_EQ(frame.gpr.fsbase, e.base + 0x13000);

    /* A fault in the nested entry uses the next frame. */
    run = enclave_call(&e, 1, EENTER, &second);
    CHECK_EXCEPTION(run, VECTOR_DE, 0, 0);
    CHECK_EQ(enclave_run(&e, 1, (struct op){.function = OP_NOP}), 2);
    CHECK_EQ(enclave_step_over(&e, 1, 2, &frame), 0x80000300);
    CHECK_EQ(frame.gpr.r10, 1);

    /* Back down, one ERESUME a level. */
    CHECK_EQ(enclave_call(&e, 1, ERESUME, &unused).function, EEXIT);
    CHECK_EQ(second.result, STEPPED_OVER);
    CHECK_EQ(op.result, 9);
    CHECK_EQ(enclave_run(&e, 1, (struct op){.function = OP_NOP}), 1);
    CHECK_EQ(enclave_call(&e, 1, ERESUME, &unused).function, EEXIT);
    CHECK_EQ(op.result, STEPPED_OVER);
    CHECK_EQ(enclave_run(&e, 1, (struct op){.function = OP_NOP}), 0);

    /* With all frames in use EENTER is refused, and ERESUME is not. */
    for (int i = 0; i < FRAMES; i++) {
        struct op more = {.function = OP_UNDEFINED};
        CHECK_EXCEPTION(enclave_call(&e, 1, EENTER, &more), VECTOR_UD, 0, 0);
    }
    run = enclave_call(&e, 1, EENTER, &unused);
    CHECK_EQ(run.function, EENTER);
    CHECK_EQ(run.exception_vector, VECTOR_GP);
    CHECK_EXCEPTION(enclave_call(&e, 1, ERESUME, &unused), VECTOR_UD, 0, 0);
    return 0;
}

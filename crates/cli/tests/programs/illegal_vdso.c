/* Instructions that are illegal or privileged, inside, for a program that enters through the vDSO: the exception it
 * is told of, the frame that the enclave finds, and that the enclave goes on once it has stepped over. */
#include "illegal_inside.h"
#include "vdso.h"

static void check(const struct enclave *e, unsigned number)
{
    const struct illegal_case *c = &illegal_cases[number];
    struct op op = {.function = OP_ILLEGAL, .a = number, .result = 0xdead}, unused = {0};
    struct ssa_frame frame;
    struct sgx_run run = enclave_call(e, 0, EENTER, &op);

    if (c->outcome == OK) {
        CHECK_EQ(run.function, EEXIT);
        CHECK_EQ(op.result & ~c->changes, 0);
        return;
    }
    CHECK_EXCEPTION(run, illegal_vector(c), 0, 0);
    enclave_step_over(e, 0, illegal_length(e, number), &frame);
    check_illegal_frame(e, number, &frame);
    CHECK_EQ(enclave_call(e, 0, ERESUME, &unused).function, EEXIT);
    CHECK_EQ(op.result, illegal_lost(c));
}

int main(int argc, char **argv)
{
    (void)argc;
    struct enclave e = enclave_build(argv[1]);

    for (int round = 0; round < 2; round++)
        for (unsigned number = 0; number < illegal_count(); number++) {
            check_context = illegal_cases[number].text;
            check(&e, number);
        }
    return 0;
}

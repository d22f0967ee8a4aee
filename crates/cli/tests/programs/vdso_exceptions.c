/* Exceptions inside, as the vDSO reports them. */
#include "vdso.h"

static struct sgx_run fault(const struct enclave *e, struct op op)
{
    /* The enclave goes on with it when it is resumed. */
    static struct op kept;
    kept = op;
    struct sgx_run run = enclave_call(e, 0, EENTER, &kept);

    /* Leaves the interrupted frame: back to CSSA 0. */
    CHECK_EQ(run.function, ERESUME);
    return run;
}

/* Steps over the instruction and lets the function end. */
static void finish(const struct enclave *e, unsigned bytes)
{
    struct op unused = {0};

    enclave_step_over(e, 0, bytes, NULL);
    CHECK_EQ(enclave_call(e, 0, ERESUME, &unused).function, EEXIT);
    CHECK_EQ(enclave_run(e, 0, (struct op){.function = OP_NOP}), 0);
}

int main(int argc, char **argv)
{
    (void)argc;
    struct enclave e = enclave_build(argv[1]);
    struct sgx_run run;

    run = fault(&e, (struct op){.function = OP_UNDEFINED});
    CHECK_EXCEPTION(run, VECTOR_UD, 0, 0);
    finish(&e, 2);
    run = fault(&e, (struct op){.function = OP_DIVIDE});
    CHECK_EXCEPTION(run, VECTOR_DE, 0, 0);
    finish(&e, 2);
    /* INT3 is #UD where the TCS has not opted in to debugging. */
    run = fault(&e, (struct op){.function = OP_BREAKPOINT});
    CHECK_EXCEPTION(run, VECTOR_UD, 0, 0);
    finish(&e, 1);
    run = fault(&e, (struct op){.function = OP_SYSCALL});
    CHECK_EXCEPTION(run, VECTOR_UD, 0, 0);
    finish(&e, 2);
    /* EENTER and an unknown leaf are #GP inside. */
    run = fault(&e, (struct op){.function = OP_ENCLU, .a = EENTER, .b = e.base + TCS(1)});
    CHECK_EXCEPTION(run, VECTOR_GP, 0, 0);
    finish(&e, 3);
    run = fault(&e, (struct op){.function = OP_ENCLU, .a = 0x1000});
    CHECK_EXCEPTION(run, VECTOR_GP, 0, 0);
    finish(&e, 3);
    return 0;
}

/* A fault that the host mends: ERESUME repeats the store and the function ends. The exception
 * fields keep their values, as the vDSO never clears them. */
#include "vdso.h"

int main(int argc, char **argv)
{
    (void)argc;
    struct enclave e = enclave_build(argv[1]);
    void *data = (void *)(e.base + DATA);
    struct op op = {.function = OP_STORE, .a = e.base + DATA, .b = 0x77, .result = 9};
    struct op unused = {.result = 8};
    struct sgx_run run = {.tcs = e.base + TCS(0)};

    CHECK_EQ(enclave_run(&e, 0, (struct op){.function = OP_STORE, .a = e.base + DATA, .b = 1}), 0);
    CHECK_EQ(mprotect(data, PAGE, PROT_READ), 0);
    CHECK_EQ(vdso_enter()((unsigned long)&op, 0, 0, EENTER, 0, 0, &run), 0);
    CHECK_EXCEPTION(run, VECTOR_PF, 7, e.base + DATA);
    CHECK_EQ(op.result, 9);

    CHECK_EQ(mprotect(data, PAGE, PROT_READ | PROT_WRITE), 0);
    CHECK_EQ(vdso_enter()((unsigned long)&unused, 0, 0, ERESUME, 0, 0, &run), 0);
    CHECK_EQ(run.function, EEXIT);
    CHECK_EQ(run.exception_vector, VECTOR_PF);
    CHECK_EQ(run.exception_error_code, 7);
    CHECK_EQ(run.exception_addr, e.base + DATA);
    /* It is the first call's function that ended. */
    CHECK_EQ(op.result, 0);
    CHECK_EQ(unused.result, 8);
    CHECK_EQ(enclave_run(&e, 0, (struct op){.function = OP_LOAD, .a = e.base + DATA}), 0x77);
    return 0;
}

/* The vDSO function as a weak import with DT_NEEDED linux-vdso.so.1, bound by ld.so. The library
 * it is linked with is libvdso_stub.c, which does not exist at run time. */
#include "vdso.h"

extern int __vdso_sgx_enter_enclave(unsigned long, unsigned long, unsigned long, unsigned int,
                                    unsigned long, unsigned long, struct sgx_run *)
    __attribute__((weak));

int main(int argc, char **argv)
{
    (void)argc;
    struct enclave e = enclave_build(argv[1]);
    struct sgx_run run = {.tcs = e.base + TCS(0)};
    struct op op = {.function = OP_NOP, .result = 9};

    CHECK(__vdso_sgx_enter_enclave != NULL);
    CHECK_EQ(__vdso_sgx_enter_enclave((unsigned long)&op, 0, 0, EENTER, 0, 0, &run), 0);
    CHECK_EQ(run.function, EEXIT);
    CHECK_EQ(op.result, 0);
    return 0;
}

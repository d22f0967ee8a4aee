/* The vDSO function through the dynamic linker: dlopen without loading, dlvsym LINUX_2.6. */
#include <dlfcn.h>

#include "vdso.h"

int main(int argc, char **argv)
{
    (void)argc;
    struct enclave e = enclave_build(argv[1]);
    void *handle = dlopen("linux-vdso.so.1", RTLD_NOW | RTLD_LOCAL | RTLD_NOLOAD);

    CHECK(handle != NULL);
    sgx_enter enter = (sgx_enter)dlvsym(handle, ENTER_SYMBOL, "LINUX_2.6");
    CHECK(enter != NULL);
    CHECK(enter == (sgx_enter)dlsym(handle, ENTER_SYMBOL));
    CHECK(enter == vdso_raw());

    struct sgx_run run = {.tcs = e.base + TCS(0)};
    struct op op = {.function = OP_NOP, .result = 9};
    CHECK_EQ(enter((unsigned long)&op, 0, 0, EENTER, 0, 0, &run), 0);
    CHECK_EQ(run.function, EEXIT);
    CHECK_EQ(op.result, 0);
    return 0;
}

/* madvise cannot make an enclave lose its pages. */
#include "vdso.h"

int main(int argc, char **argv)
{
    (void)argc;
    struct enclave e = enclave_build(argv[1]);
    void *data = (void *)(e.base + DATA);
    struct op op = {.function = OP_STORE, .a = e.base + DATA, .b = 17};

    CHECK_EQ(enclave_run(&e, 0, op), 0);
    CHECK_FAILS(madvise(data, PAGE, MADV_DONTNEED), EINVAL);
    CHECK_FAILS(madvise(data, PAGE, MADV_FREE), EINVAL);
    CHECK(madvise(data, PAGE, MADV_REMOVE) == -1);
    op.function = OP_LOAD;
    CHECK_EQ(enclave_run(&e, 0, op), 17);
    return 0;
}

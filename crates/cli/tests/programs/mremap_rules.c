/* mremap of enclave memory: the same size does nothing, less is munmap, more is refused. */
#include "vdso.h"

int main(int argc, char **argv)
{
    (void)argc;
    struct enclave e = enclave_build(argv[1]);
    void *data = (void *)(e.base + DATA);
    struct op load = {.function = OP_LOAD, .a = e.base + DATA};

    CHECK(mremap(data, 4 * PAGE, 4 * PAGE, 0) == data);
    CHECK(mremap(data, 4 * PAGE, 4 * PAGE, MREMAP_MAYMOVE) == data);
    CHECK_FAILS(mremap(data, 4 * PAGE, 5 * PAGE, 0), EFAULT);
    CHECK_FAILS(mremap(data, 4 * PAGE, 5 * PAGE, MREMAP_MAYMOVE), EFAULT);
    CHECK_FAILS(mremap(data, 4 * PAGE, 4 * PAGE, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, NULL), EINVAL);
    CHECK_EQ(enclave_run(&e, 0, load), DATA_WORD);

    CHECK(mremap(data, 4 * PAGE, 2 * PAGE, 0) == data);
    CHECK_FAILS(msync((char *)data + 2 * PAGE, PAGE, MS_ASYNC), ENOMEM);
    CHECK_EQ(msync((char *)data + PAGE, PAGE, MS_ASYNC), 0);
    CHECK_EQ(enclave_run(&e, 0, load), DATA_WORD);
    return 0;
}

/* What Linux answers to the rarer calls on enclave memory, and that none of them changes a thing. */
#include <sys/syscall.h>

#include "vdso.h"

#define MADV_POPULATE_READ_ 22
#define MADV_POPULATE_WRITE_ 23
#define MADV_DONTNEED_LOCKED_ 24
#define PROT_SEM_ 8

int main(int argc, char **argv)
{
    (void)argc;
    struct enclave e = enclave_build(argv[1]);
    char *data = (char *)e.base + DATA, *constant = (char *)e.base + READ_ONLY;
    int rw = PROT_READ | PROT_WRITE;

    CHECK_FAILS(syscall(SYS_pkey_mprotect, constant, PAGE, rw, -1), EACCES);
    CHECK_EQ(syscall(SYS_pkey_mprotect, data, PAGE, rw, -1), 0);
    CHECK_FAILS(mprotect(constant, PAGE, rw), EACCES);
    CHECK_FAILS(mprotect(data, PAGE, rw | 0x10), EINVAL);
    CHECK_EQ(mprotect(data, PAGE, rw | PROT_SEM_), 0);

    /* What is wrong with the arguments comes before what is wrong with the memory. */
    CHECK_FAILS(mremap(data, PAGE, 2 * PAGE, 0xf8), EINVAL);
    CHECK_FAILS(mremap(data + 1, PAGE, 2 * PAGE, 0), EINVAL);
    CHECK_FAILS(mremap(data, PAGE, 2 * PAGE, MREMAP_FIXED, e.base - PAGE), EINVAL);
    CHECK_FAILS(mremap(data, PAGE, PAGE, MREMAP_DONTUNMAP, NULL), EINVAL);
    CHECK_FAILS(mremap(data, PAGE, 0, 0), EINVAL);
    CHECK_FAILS(mremap(data, PAGE, -1UL, 0), EINVAL);
    CHECK_FAILS(mremap(data, PAGE, 2 * PAGE, 0), EFAULT);
    CHECK_FAILS(mremap(data, 0, PAGE, MREMAP_MAYMOVE), EFAULT);

    CHECK_FAILS(madvise(data, PAGE, MADV_POPULATE_READ_), EINVAL);
    CHECK_FAILS(madvise(data, PAGE, MADV_POPULATE_WRITE_), EINVAL);
    CHECK_FAILS(madvise(data, PAGE, MADV_DONTNEED_LOCKED_), EINVAL);

    int provision = open(PROVISION_NODE, O_RDWR);
    CHECK(provision >= 0);
    CHECK_FAILS(mmap(NULL, 0, PROT_READ, MAP_SHARED, provision, 0), EINVAL);
    CHECK_FAILS(mmap(NULL, PAGE, PROT_READ, MAP_SHARED, provision, 0), ENODEV);

    CHECK_EQ(enclave_run(&e, 0, (struct op){.function = OP_LOAD, .a = e.base + DATA}), DATA_WORD);
    CHECK_EQ(enclave_run(&e, 0, (struct op){.function = OP_STORE, .a = e.base + DATA, .b = 1}), 0);
    return 0;
}

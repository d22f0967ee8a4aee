/* mmap before CREATE and before INIT: anywhere, and the pages that come later show there. */
#include "vdso.h"

int main(int argc, char **argv)
{
    (void)argc;
    struct enclave e = enclave_load(argv[1]);
    struct secs secs = enclave_secs(&e);

    e.fd = open(ENCLAVE_NODE, O_RDWR);
    CHECK(e.fd >= 0);
    void *any = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, e.fd, 0);
    CHECK(any != MAP_FAILED);
    CHECK_EQ(munmap(any, PAGE), 0);
    any = mmap(NULL, PAGE, PROT_EXEC, MAP_SHARED, e.fd, 0);
    CHECK(any != MAP_FAILED);
    CHECK_EQ(munmap(any, PAGE), 0);

    enclave_map(&e);
    CHECK_EQ(enclave_create(&e, &secs), 0);
    any = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, e.fd, 0);
    CHECK(any != MAP_FAILED);
    enclave_add_all(&e);
    CHECK_EQ(enclave_init(&e), 0);
    CHECK_EQ(enclave_run(&e, 0, (struct op){.function = OP_LOAD, .a = e.base + DATA}), DATA_WORD);
    CHECK_EQ(munmap(any, PAGE), 0);
    return 0;
}

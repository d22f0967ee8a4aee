/* A descriptor opened for reading may do all ioctls; it only cannot map for writing. */
#include "vdso.h"

int main(int argc, char **argv)
{
    (void)argc;
    struct enclave e = enclave_load(argv[1]);
    struct secs secs = enclave_secs(&e);

    e.fd = open(ENCLAVE_NODE, O_RDONLY);
    CHECK(e.fd >= 0);
    CHECK_EQ(enclave_create(&e, &secs), 0);
    enclave_add_all(&e);
    CHECK_EQ(enclave_init(&e), 0);
    void *data = (void *)(e.base + DATA), *code = (void *)(e.base + CODE);
    CHECK_FAILS(mmap(data, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, e.fd, 0), EACCES);
    CHECK(mmap(data, PAGE, PROT_READ, MAP_SHARED | MAP_FIXED, e.fd, 0) == data);
    CHECK(mmap(code, PAGE, PROT_READ | PROT_EXEC, MAP_SHARED | MAP_FIXED, e.fd, 0) == code);
    CHECK_FAILS(mprotect(data, PAGE, PROT_READ | PROT_WRITE), EACCES);
    return 0;
}

/* munmap takes only the mapping away: the enclave keeps its pages, in the whole and in parts, and
 * also without its descriptor. */
#include "vdso.h"

int main(int argc, char **argv)
{
    (void)argc;
    struct enclave e = enclave_build(argv[1]);
    uint64_t second = e.base + DATA + PAGE;

    CHECK_EQ(enclave_run(&e, 0, (struct op){.function = OP_STORE, .a = second, .b = 99}), 0);
    CHECK_EQ(munmap((void *)second, PAGE), 0);
    struct op load = {.function = OP_LOAD, .a = second}, unused = {0};
    CHECK_EXCEPTION(enclave_call(&e, 0, EENTER, &load), VECTOR_PF, 4, second);
    CHECK(mmap((void *)second, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, e.fd, 0) !=
          MAP_FAILED);
    CHECK_EQ(enclave_call(&e, 0, ERESUME, &unused).function, EEXIT);
    CHECK_EQ(load.result, 99);

    CHECK_EQ(munmap((void *)e.base, e.size), 0);
    CHECK(mmap((void *)e.base, e.size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) !=
          MAP_FAILED);
    enclave_map(&e);
    CHECK_EQ(enclave_run(&e, 0, load), 99);

    /* The mapping keeps the enclave, without its descriptor. */
    int copy = dup(e.fd);
    CHECK_EQ(close(e.fd), 0);
    CHECK_EQ(close(copy), 0);
    CHECK_EQ(enclave_run(&e, 0, load), 99);
    CHECK_EQ(munmap((void *)e.base, e.size), 0);
    return 0;
}

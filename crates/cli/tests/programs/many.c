/* Many enclaves in one process, each with its own pages, and many one after another. */
#include "vdso.h"

#define MANY 24

int main(int argc, char **argv)
{
    (void)argc;
    static struct enclave e[MANY];

    for (int i = 0; i < MANY; i++) {
        e[i] = enclave_build(argv[1]);
        struct op store = {.function = OP_STORE, .a = e[i].base + DATA, .b = 1000 + i};
        CHECK_EQ(enclave_run(&e[i], 0, store), 0);
    }
    for (int i = 0; i < MANY; i++) {
        struct op load = {.function = OP_LOAD, .a = e[i].base + DATA};
        CHECK_EQ(enclave_run(&e[i], 1, load), 1000 + i);
        CHECK_EQ(munmap((void *)e[i].base, e[i].size), 0);
        CHECK_EQ(close(e[i].fd), 0);
    }
    for (int i = 0; i < MANY; i++) {
        struct enclave one = enclave_build(argv[1]);
        struct op load = {.function = OP_LOAD, .a = one.base + DATA};
        CHECK_EQ(enclave_run(&one, 0, load), DATA_WORD);
        CHECK_EQ(munmap((void *)one.base, one.size), 0);
        CHECK_EQ(close(one.fd), 0);
    }
    return 0;
}

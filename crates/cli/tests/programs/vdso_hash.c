/* The vDSO function by DT_HASH: enter twice, write a value inside and read it back. */
#include "vdso.h"

int main(int argc, char **argv)
{
    (void)argc;
    struct enclave e = enclave_build(argv[1]);
    uint64_t word = e.base + DATA;

    CHECK_EQ(enclave_run(&e, 0, (struct op){.function = OP_NOP}), 0);
    CHECK_EQ(enclave_run(&e, 0, (struct op){.function = OP_LOAD, .a = word}), DATA_WORD);
    CHECK_EQ(enclave_run(&e, 0, (struct op){.function = OP_STORE, .a = word, .b = 42}), 0);
    for (int thread = 0; thread < THREADS; thread++)
        CHECK_EQ(enclave_run(&e, thread, (struct op){.function = OP_LOAD, .a = word}), 42);
    /* A page added without EEXTEND carries its bytes all the same. */
    CHECK_EQ(enclave_run(&e, 1, (struct op){.function = OP_LOAD, .a = e.base + READ_WRITE_EXECUTE}),
             0x1eaf1eaf1eaf1eaf);
    return 0;
}

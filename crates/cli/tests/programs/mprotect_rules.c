/* mprotect of enclave memory. */
#include "vdso.h"

int main(int argc, char **argv)
{
    (void)argc;
    struct enclave e = enclave_build(argv[1]);
    void *data = (void *)(e.base + DATA), *code = (void *)(e.base + CODE);
    struct op store = {.function = OP_STORE, .a = e.base + DATA, .b = 8}, unused = {0};

    CHECK_FAILS(mprotect(data, PAGE, PROT_READ | PROT_EXEC), EACCES);
    CHECK_FAILS(mprotect(code, PAGE, PROT_READ | PROT_WRITE), EACCES);
    CHECK_FAILS(mprotect((void *)(e.base + READ_ONLY), PAGE, PROT_READ | PROT_WRITE), EACCES);
    CHECK_FAILS(mprotect((void *)(e.base + TCS(0)), PAGE, PROT_READ | PROT_EXEC), EACCES);
    CHECK_FAILS(mprotect((char *)data + 8, PAGE, PROT_READ), EINVAL);
    /* Nothing has changed. */
    CHECK_EQ(enclave_run(&e, 0, store), 0);

    /* Within what a page may, each way and back, in the middle of a mapping. */
    void *middle = (char *)data + PAGE;
    store.a += PAGE;
    CHECK_EQ(mprotect(middle, PAGE, PROT_NONE), 0);
    CHECK_EXCEPTION(enclave_call(&e, 0, EENTER, &store), VECTOR_PF, 6, (uint64_t)middle);
    CHECK_EQ(mprotect(middle, PAGE, PROT_READ | PROT_WRITE), 0);
    CHECK_EQ(enclave_call(&e, 0, ERESUME, &unused).function, EEXIT);
    store.a -= PAGE;
    CHECK_EQ(enclave_run(&e, 0, store), 0);

    /* The code without X: the next fetch faults. */
    struct op nop = {.function = OP_NOP};
    CHECK_EQ(mprotect(code, 2 * PAGE, PROT_READ), 0);
    CHECK_EXCEPTION(enclave_call(&e, 0, EENTER, &nop), VECTOR_PF, 0x15, e.base);
    CHECK_EQ(mprotect(code, 2 * PAGE, PROT_READ | PROT_EXEC), 0);
    CHECK_EQ(enclave_call(&e, 0, ERESUME, &unused).function, EEXIT);
    CHECK_EQ(enclave_run(&e, 0, (struct op){.function = OP_NOP}), 0);
    return 0;
}

/* Page faults inside, as the vDSO reports them: the error code tells the page table's refusal from
 * the EPCM's, and the address has lost its low 12 bits. */
#include "vdso.h"

static void check(const struct enclave *e, int write, uint64_t address, unsigned error)
{
    struct op op = {.function = write ? OP_STORE : OP_LOAD, .a = address, .b = 1};
    struct op unused = {0};
    struct sgx_run run = enclave_call(e, 2, EENTER, &op);

    CHECK_EXCEPTION(run, VECTOR_PF, error, address & ~(PAGE - 1));
    /* ERESUME repeats the instruction, and with it the fault. */
    run = enclave_call(e, 2, ERESUME, &unused);
    CHECK_EXCEPTION(run, VECTOR_PF, error, address & ~(PAGE - 1));
    /* Both instructions have three bytes. */
    enclave_step_over(e, 2, 3, NULL);
    CHECK_EQ(enclave_call(e, 2, ERESUME, &unused).function, EEXIT);
}

int main(int argc, char **argv)
{
    (void)argc;
    struct enclave e = enclave_build(argv[1]);
    void *data = (void *)(e.base + DATA);

    check(&e, 0, e.base + TCS(0) + 8, 0x8005);
    check(&e, 1, e.base + TCS(0) + 8, 0x8007);
    check(&e, 1, e.base + CODE + 8, 7);
    CHECK_EQ(enclave_run(&e, 0, (struct op){.function = OP_LOAD, .a = e.base + READ_ONLY}),
             0x0ead0ead0ead0ead);
    check(&e, 1, e.base + READ_ONLY, 7);

    /* Nothing is mapped at the hole, then a page that the enclave does not have. */
    check(&e, 0, e.base + HOLE + 0x123, 4);
    check(&e, 1, e.base + HOLE + 0x123, 6);
    CHECK(mmap((void *)(e.base + HOLE), PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, e.fd,
               0) != MAP_FAILED);
    check(&e, 0, e.base + HOLE + 0x123, 4);
    check(&e, 1, e.base + HOLE + 0x123, 6);

    /* Memory outside the ELRANGE, which is ordinary memory. */
    check(&e, 0, 8, 4);

    /* The page is touched, then write-protected: the entry stays present. PROT_NONE removes it. */
    CHECK_EQ(enclave_run(&e, 0, (struct op){.function = OP_STORE, .a = e.base + DATA, .b = 5}), 0);
    CHECK_EQ(mprotect(data, PAGE, PROT_READ), 0);
    check(&e, 1, e.base + DATA, 7);
    CHECK_EQ(mprotect(data, PAGE, PROT_NONE), 0);
    check(&e, 0, e.base + DATA, 4);
    return 0;
}

/* EENTER and ERESUME that fault themselves: function says which, nothing is entered. */
#include "vdso.h"

static struct sgx_run at(uint64_t tcs, unsigned function)
{
    struct op op = {.function = OP_NOP, .result = 9};
    struct sgx_run run = {.tcs = tcs};

    CHECK_EQ(vdso_enter()((unsigned long)&op, 0, 0, function, 0, 0, &run), 0);
    CHECK_EQ(op.result, 9);
    CHECK_EQ(run.function, function);
    return run;
}

static void check_gp(struct sgx_run run)
{
    CHECK_EQ(run.exception_vector, VECTOR_GP);
    CHECK_EQ(run.exception_error_code, 0);
    CHECK_EQ(run.exception_addr, 0);
}

/* From the EPCM: present, of user mode, SGX. */
static void check_epcm(struct sgx_run run, uint64_t address)
{
    CHECK_EQ(run.exception_vector, VECTOR_PF);
    CHECK_EQ(run.exception_error_code & 0x8005, 0x8005);
    CHECK_EQ(run.exception_addr, address);
}

int main(int argc, char **argv)
{
    (void)argc;
    struct enclave e = enclave_build(argv[1]);

    check_gp(at(e.base + TCS(0) + 8, EENTER));
    /* Nothing was interrupted. */
    check_gp(at(e.base + TCS(0), ERESUME));
    check_epcm(at(e.base + DATA, EENTER), e.base + DATA);
    check_epcm(at(e.base + DATA, ERESUME), e.base + DATA);
    /* Not a page of the EPC, and not mapped at all. */
    CHECK_EQ(at((uint64_t)&e & ~(PAGE - 1), EENTER).exception_vector, VECTOR_PF);
    struct sgx_run run = at(e.base + HOLE, EENTER);
    CHECK_EQ(run.exception_vector, VECTOR_PF);
    CHECK_EQ(run.exception_addr, e.base + HOLE);
    CHECK_EQ(enclave_run(&e, 0, (struct op){.function = OP_NOP}), 0);

    /* Before EINIT nothing can be entered. */
    struct enclave raw = enclave_load(argv[1]);
    struct secs secs = enclave_secs(&raw);
    raw.fd = open(ENCLAVE_NODE, O_RDWR);
    CHECK(raw.fd >= 0);
    CHECK_EQ(enclave_create(&raw, &secs), 0);
    enclave_add_all(&raw);
    enclave_map(&raw);
    check_gp(at(raw.base + TCS(0), EENTER));
    CHECK_EQ(enclave_init(&raw), 0);
    CHECK_EQ(enclave_run(&raw, 0, (struct op){.function = OP_NOP}), 0);
    return 0;
}

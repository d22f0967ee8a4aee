/* A page fault and a #GP inside, as the enclave sees them in its own frame (MISCSELECT.EXINFO):
 * the whole address, which the host does not get. */
#include "vdso.h"

static struct ssa_frame frame;

static void page_fault(const struct enclave *e, int write, uint64_t address, unsigned error)
{
    struct op op = {.function = write ? OP_STORE : OP_LOAD, .a = address, .b = 1}, unused = {0};
    struct sgx_run run = enclave_call(e, 0, EENTER, &op);

    CHECK_EXCEPTION(run, VECTOR_PF, error, address & ~(PAGE - 1));
    CHECK_EQ(enclave_step_over(e, 0, 3, &frame), 0x80000300 + VECTOR_PF);
    CHECK_EQ(frame.exinfo_maddr, address);
    CHECK_EQ(frame.exinfo_errcd, error);
    CHECK_EQ(frame.exinfo_reserved, 0);
    CHECK_EQ(enclave_call(e, 0, ERESUME, &unused).function, EEXIT);
}

int main(int argc, char **argv)
{
    (void)argc;
    struct enclave e = enclave_build(argv[1]);
    struct op op = {.function = OP_ENCLU, .a = 0x1000}, unused = {0};

    CHECK_EQ(e.image->miscselect & 1, 1);
    page_fault(&e, 0, e.base + TCS(2) + 0x123, 0x8005);
    page_fault(&e, 1, e.base + TCS(2) + 0x456, 0x8007);
    page_fault(&e, 1, e.base + CODE + 0x789, 7);

    CHECK_EXCEPTION(enclave_call(&e, 0, EENTER, &op), VECTOR_GP, 0, 0);
    CHECK_EQ(enclave_step_over(&e, 0, 3, &frame), 0x80000300 + VECTOR_GP);
    CHECK_EQ(frame.exinfo_maddr, 0);
    CHECK_EQ(frame.exinfo_errcd, 0);
    CHECK_EQ(enclave_call(&e, 0, ERESUME, &unused).function, EEXIT);
    return 0;
}

/* The leaves of SGX2 and EDECCSSA, as far as they have something to do without a kernel that knows
 * SGX2: codes, faults, and rights that EMODPE adds and EACCEPT sees. With a second argument the
 * processor has none of them. */
#include "vdso.h"

#define SECINFO_AT (DATA + PAGE)
#define TARGET (DATA + 2 * PAGE)
#define SOURCE (DATA + 3 * PAGE)
#define ENCLU_BYTES 3
#define RW (SECINFO_REG | SECINFO_R | SECINFO_W)
/* Error codes: a read or write that the EPCM forbids, and one that the page tables forbid. */
#define EPCM_READ 0x8005
#define EPCM_WRITE 0x8007
#define TABLE_WRITE 0x7
#define MISMATCH 19

static struct enclave e;

/* Puts flags, and a word behind them, where SECINFO is. */
static uint64_t secinfo(uint64_t flags, uint64_t behind)
{
    uint64_t at = e.base + SECINFO_AT;

    enclave_run(&e, 0, (struct op){.function = OP_STORE, .a = at, .b = flags});
    enclave_run(&e, 0, (struct op){.function = OP_STORE, .a = at + 56, .b = behind});
    return at;
}

/* A leaf that completes: RAX, and ZF in bit 32. */
static uint64_t completes(uint64_t leaf, uint64_t rbx, uint64_t rcx, uint64_t rdx)
{
    struct op op = {.function = OP_ENCLU, .a = leaf, .b = rbx, .c = rcx, .d = rdx};
    struct sgx_run run = enclave_call(&e, 0, EENTER, &op);

    CHECK_EQ(run.function, EEXIT);
    return op.result | op.regs[0] << 32;
}

#define RAX_ZF(code) ((code) | 1UL << 32)

/* A leaf that faults; the thread then goes on behind it. */
static void faults(uint64_t leaf, uint64_t rbx, uint64_t rcx, uint64_t rdx, unsigned vector,
                   unsigned error, uint64_t address)
{
    struct op op = {.function = OP_ENCLU, .a = leaf, .b = rbx, .c = rcx, .d = rdx}, unused = {0};

    CHECK_EXCEPTION(enclave_call(&e, 0, EENTER, &op), vector, error, address);
    enclave_step_over(&e, 0, ENCLU_BYTES, NULL);
    CHECK_EQ(enclave_call(&e, 0, ERESUME, &unused).function, EEXIT);
    CHECK_EQ(op.result, leaf);
}

static void protects(uint64_t leaf, uint64_t rbx, uint64_t rcx, uint64_t rdx)
{
    faults(leaf, rbx, rcx, rdx, VECTOR_GP, 0, 0);
}

static void eaccept(void)
{
    uint64_t page = e.base + TARGET;

    CHECK_EQ(completes(EACCEPT, secinfo(RW | SECINFO_PENDING, 0), page, 0), RAX_ZF(MISMATCH));
    CHECK_EQ(completes(EACCEPT, secinfo(SECINFO_TRIM | SECINFO_MODIFIED, 0), page, 0),
             RAX_ZF(MISMATCH));
    CHECK_EQ(completes(EACCEPT, secinfo(SECINFO_REG | SECINFO_R | SECINFO_PR, 0), page, 0),
             RAX_ZF(MISMATCH));
    /* PR is not compared: nothing was restricted, and that is accepted. */
    CHECK_EQ(completes(EACCEPT, secinfo(RW | SECINFO_PR, 0), page, 0), 0);
    protects(EACCEPT, secinfo(RW, 0), page, 0);
    protects(EACCEPT, secinfo(RW | SECINFO_PENDING, 1), page, 0);
    secinfo(RW | SECINFO_PENDING, 0);
    protects(EACCEPT, e.base + SECINFO_AT + 32, page, 0);
    protects(EACCEPT, e.base + e.size, page, 0);
    protects(EACCEPT, e.base + SECINFO_AT, page + 64, 0);
    protects(EACCEPT, e.base + SECINFO_AT, e.base - PAGE, 0);
    faults(EACCEPT, e.base + TCS(1), page, 0, VECTOR_PF, EPCM_READ, e.base + TCS(1));
}

static void eacceptcopy(void)
{
    uint64_t target = e.base + TARGET, source = e.base + SOURCE;

    CHECK_EQ(completes(EACCEPTCOPY, secinfo(RW, 0), target, source), RAX_ZF(MISMATCH));
    CHECK_EQ(completes(EACCEPTCOPY, e.base + SECINFO_AT, e.base + TCS(1), source),
             RAX_ZF(MISMATCH));
    protects(EACCEPTCOPY, secinfo(SECINFO_REG | SECINFO_W, 0), target, source);
    protects(EACCEPTCOPY, secinfo(SECINFO_TCS | SECINFO_R, 0), target, source);
    secinfo(RW, 0);
    protects(EACCEPTCOPY, e.base + SECINFO_AT, target, source + 8);
    protects(EACCEPTCOPY, e.base + SECINFO_AT, target, e.base + e.size);
    faults(EACCEPTCOPY, e.base + SECINFO_AT, target, e.base + TCS(1), VECTOR_PF, EPCM_READ,
           e.base + TCS(1));
    faults(EACCEPTCOPY, e.base + SECINFO_AT, e.base + READ_ONLY, source, VECTOR_PF, TABLE_WRITE,
           e.base + READ_ONLY);
}

static void emodpe(void)
{
    uint64_t page = e.base + READ_ONLY;
    uint64_t reads = SECINFO_REG | SECINFO_R | SECINFO_PR, writes = reads | SECINFO_W;

    /* Present from now on. */
    enclave_run(&e, 0, (struct op){.function = OP_LOAD, .a = page});
    CHECK_EQ(completes(EACCEPT, secinfo(reads, 0), page, 0), 0);
    CHECK_EQ(completes(EACCEPT, secinfo(writes, 0), page, 0), RAX_ZF(MISMATCH));
    /* RAX and flags stay as they are. The page type does not matter. */
    CHECK_EQ(completes(EMODPE, secinfo(SECINFO_R | SECINFO_W, 0), page, 0), EMODPE);
    CHECK_EQ(completes(EACCEPT, secinfo(reads, 0), page, 0), RAX_ZF(MISMATCH));
    CHECK_EQ(completes(EACCEPT, secinfo(writes, 0), page, 0), 0);
    /* The kernel's page tables still have the last word. */
    struct op op = {.function = OP_STORE, .a = page, .b = 1}, unused = {0};
    CHECK_EXCEPTION(enclave_call(&e, 0, EENTER, &op), VECTOR_PF, TABLE_WRITE, page);
    enclave_step_over(&e, 0, ENCLU_BYTES, NULL);
    CHECK_EQ(enclave_call(&e, 0, ERESUME, &unused).function, EEXIT);

    protects(EMODPE, secinfo(0x40 | SECINFO_R, 0), page, 0);
    protects(EMODPE, secinfo(SECINFO_R, 1), page, 0);
    secinfo(SECINFO_R, 0);
    protects(EMODPE, e.base + SECINFO_AT + 8, page, 0);
    protects(EMODPE, e.base + SECINFO_AT, page + 8, 0);
    protects(EMODPE, e.base - 64, page, 0);
    faults(EMODPE, e.base + SECINFO_AT, e.base + TCS(1), 0, VECTOR_PF, EPCM_READ, e.base + TCS(1));
}

static void edeccssa(void)
{
    struct op op = {.function = OP_UNDEFINED};

    protects(EDECCSSA, 0, 0, 0);
    /* Above an interrupted frame it gives that up. */
    CHECK_EXCEPTION(enclave_call(&e, 0, EENTER, &op), VECTOR_UD, 0, 0);
    CHECK_EQ(enclave_run(&e, 0, (struct op){.function = OP_NOP}), 1);
    CHECK_EQ(completes(EDECCSSA, 0, 0, 0), EDECCSSA);
    CHECK_EQ(enclave_run(&e, 0, (struct op){.function = OP_NOP}), 0);
}

int main(int argc, char **argv)
{
    CHECK(argc == 2 || argc == 3);
    e = enclave_build(argv[1]);
    protects(EVERIFYREPORT2, 0, 0, 0);
    if (argc == 3) {
        for (uint64_t leaf = EACCEPT; leaf <= EDECCSSA; leaf++)
            protects(leaf, e.base + SECINFO_AT, e.base + TARGET, e.base + SOURCE);
        return 0;
    }
    eaccept();
    eacceptcopy();
    emodpe();
    edeccssa();
    return 0;
}

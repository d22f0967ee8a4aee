/* The vDSO function by a scan of all dynamic symbols, which also finds all those of the host. */
#include "vdso.h"

int main(int argc, char **argv)
{
    (void)argc;
    struct enclave e = enclave_build(argv[1]);
    struct vdso v = vdso_open();
    static const char *const host[] = {"__vdso_clock_gettime", "__vdso_gettimeofday",
                                       "__vdso_time", "__vdso_getcpu"};
    sgx_enter enter = NULL;
    unsigned seen = 0;

    CHECK(v.hash != NULL);
    for (uint32_t i = 1; i < v.hash[1]; i++) {
        const char *name = v.strings + v.symbols[i].st_name;
        if (v.symbols[i].st_shndx == SHN_UNDEF)
            continue;
        if (strcmp(name, ENTER_SYMBOL) == 0) {
            CHECK(enter == NULL);
            enter = (sgx_enter)(v.base + v.symbols[i].st_value);
        }
        for (unsigned j = 0; j < sizeof(host) / sizeof(*host); j++)
            if (strcmp(name, host[j]) == 0)
                seen |= 1u << j;
    }
    CHECK(enter != NULL);
    CHECK_EQ(seen, 0xf);

    struct sgx_run run = {.tcs = e.base + TCS(0)};
    struct op op = {.function = OP_NOP, .result = 9};
    CHECK_EQ(enter((unsigned long)&op, 0, 0, EENTER, 0, 0, &run), 0);
    CHECK_EQ(run.function, EEXIT);
    CHECK_EQ(op.result, 0);
    return 0;
}

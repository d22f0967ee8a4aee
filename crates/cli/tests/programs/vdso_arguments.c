/* What the vDSO function refuses before it enters. */
#include "vdso.h"

static int call(const struct enclave *e, unsigned function, int reserved, struct sgx_run *run)
{
    static struct op op;

    memset(run, 0, sizeof(*run));
    run->tcs = e->base + TCS(0);
    run->function = 0x55;
    if (reserved >= 0)
        run->reserved[reserved] = 1;
    return vdso_enter()((unsigned long)&op, 0, 0, function, 0, 0, run);
}

int main(int argc, char **argv)
{
    (void)argc;
    static const unsigned bad[] = {0, 1, 4, 5, 9, 0x80000002, ~0u};
    static const int bytes[] = {0, 7, 8, 100, 215};
    struct enclave e = enclave_build(argv[1]);
    struct sgx_run run;

    for (unsigned i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        CHECK_EQ((long)call(&e, bad[i], -1, &run), (long)-EINVAL);
        CHECK_EQ(run.function, 0x55);
    }
    for (unsigned i = 0; i < sizeof(bytes) / sizeof(*bytes); i++) {
        CHECK_EQ((long)call(&e, EENTER, bytes[i], &run), (long)-EINVAL);
        CHECK_EQ(run.function, 0x55);
    }
    CHECK_EQ((long)call(&e, EENTER, -1, &run), 0);
    CHECK_EQ(run.function, EEXIT);
    return 0;
}

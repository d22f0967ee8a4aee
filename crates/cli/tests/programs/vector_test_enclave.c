/* A production-signed enclave that others made. Its entry with a number in rdi that is not negative
 * writes 100 to where rsi points, and leaves with EEXIT. */
#include "vdso.h"

#define VECTOR_TCS 0x15000UL

static struct sgx_run call(const struct enclave *e, long number, int *answer)
{
    struct sgx_run run = {.tcs = e->base + VECTOR_TCS};

    CHECK_EQ(vdso_enter()((unsigned long)number, (unsigned long)answer, 0, EENTER, 0, 0, &run), 0);
    return run;
}

int main(int argc, char **argv)
{
    (void)argc;
    struct enclave e = enclave_load(argv[1]), changed = e;
    struct secs secs = enclave_secs(&e);
    int answer = 1;

    CHECK_EQ(secs.attributes, ATTR_MODE64BIT);
    e = enclave_build(argv[1]);
    CHECK_EQ(call(&e, 5, &answer).function, EEXIT);
    CHECK_EQ(answer, 100);
    answer = 1;
    CHECK_EQ(call(&e, -5, &answer).function, EEXIT);
    CHECK_EQ(answer, 1);

    /* One page less is another enclave, which this SIGSTRUCT does not sign. */
    changed.fd = open(ENCLAVE_NODE, O_RDWR);
    CHECK(changed.fd >= 0);
    CHECK_EQ(enclave_create(&changed, &secs), 0);
    for (uint64_t i = 0; i + 1 < changed.image->pages; i++)
        CHECK_EQ(enclave_add(&changed, &changed.pages[i]), 0);
    CHECK_FAILS(enclave_init(&changed), EPERM);
    return 0;
}

/* EGETKEY: what changes a key, what does not, and what is refused. */
#include "keys.h"

static struct enclave e;

static struct key_request seal(void)
{
    struct key_request request = {.name = KEY_SEAL, .policy = POLICY_MRENCLAVE,
                                  .attribute_mask = ~0UL, .xfrm_mask = ~0UL, .misc_mask = ~0u};
    request.isv_svn = *(const uint16_t *)(e.sigstruct + 1026);
    return request;
}

static int differs(struct key_request a, struct key_request b)
{
    uint8_t key_a[16], key_b[16];

    CHECK_EQ(get_key(&e, &a, key_a), 0);
    CHECK_EQ(get_key(&e, &b, key_b), 0);
    return memcmp(key_a, key_b, 16) != 0;
}

static void refused(struct key_request request, uint64_t code)
{
    uint8_t key[16];
    CHECK_EQ(get_key(&e, &request, key), code);
}

/* A request that faults: #GP inside. */
static void faults(uint64_t request, uint64_t out)
{
    struct op op = {.function = OP_ENCLU, .a = EGETKEY, .b = request, .c = out}, unused = {0};

    CHECK_EXCEPTION(enclave_call(&e, 0, EENTER, &op), VECTOR_GP, 0, 0);
    enclave_step_over(&e, 0, 3, NULL);
    CHECK_EQ(enclave_call(&e, 0, ERESUME, &unused).function, EEXIT);
}

int main(int argc, char **argv)
{
    (void)argc;
    e = enclave_build(argv[1]);
    struct key_request a = seal(), b = seal();

    CHECK(!differs(a, b));
    b.key_id[31] = 1;
    CHECK(differs(a, b));
    b = seal();
    b.policy = POLICY_MRSIGNER;
    CHECK(differs(a, b));
    b = seal();
    b.attribute_mask = 0;
    CHECK(differs(a, b));
    b = seal();
    b.misc_mask = 0;
    CHECK(differs(a, b));
    b = seal();
    b.isv_svn = 0;
    CHECK(differs(a, b));
    b = seal();
    b.name = KEY_REPORT;
    CHECK(differs(a, b));

    b = seal();
    b.isv_svn++;
    refused(b, 64); /* INVALID_ISVSVN */
    b = seal();
    memset(b.cpu_svn, 0xff, 16);
    refused(b, 32); /* INVALID_CPUSVN */
    b = seal();
    b.name = 9;
    refused(b, 256); /* INVALID_KEYNAME */
    b = seal();
    b.name = KEY_PROVISION;
    refused(b, 2); /* INVALID_ATTRIBUTE */
    b.name = KEY_EINITTOKEN;
    refused(b, 2);

    /* Misaligned, outside the ELRANGE, reserved bits. */
    static struct key_request outside __attribute__((aligned(512)));
    faults(e.base + IN_REQUEST + 16, e.base + OUT);
    faults(e.base + IN_REQUEST, e.base + OUT + 8);
    faults((uint64_t)&outside, e.base + OUT);
    b = seal();
    b.policy |= 0x40;
    copy(&e, e.base + IN_REQUEST, (uint64_t)&b, sizeof(b));
    faults(e.base + IN_REQUEST, e.base + OUT);
    b = seal();
    b.reserved2[433] = 1;
    copy(&e, e.base + IN_REQUEST, (uint64_t)&b, sizeof(b));
    faults(e.base + IN_REQUEST, e.base + OUT);
    return 0;
}

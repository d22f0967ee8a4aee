/* An enclave that others made writes a REPORT for the TARGETINFO in its own page to where rdi points.
 * The enclave that the TARGETINFO names verifies it, by its report key; a stranger does not.
 * The second argument is the image of the reporting enclave. */
#include "keys.h"

#define VECTOR_TCS 0x1000UL

int main(int argc, char **argv)
{
    CHECK_EQ(argc, 3);
    struct enclave target = enclave_build(argv[1]), stranger = enclave_load(argv[1]);
    struct enclave reporter = enclave_build(argv[2]);
    struct sgx_run run = {.tcs = reporter.base + VECTOR_TCS};
    struct secs secs = enclave_secs(&stranger);
    static struct report report, changed;
    static const uint8_t zero[64];

    /* The target's pages as a debug enclave. */
    stranger.fd = open(ENCLAVE_NODE, O_RDWR);
    CHECK(stranger.fd >= 0);
    secs.attributes |= ATTR_DEBUG;
    CHECK_EQ(enclave_create(&stranger, &secs), 0);
    enclave_add_all(&stranger);
    CHECK_EQ(enclave_init(&stranger), 0);
    enclave_map(&stranger);

    CHECK_EQ(vdso_enter()((unsigned long)&report, 0, 0, EENTER, 0, 0, &run), 0);
    CHECK_EQ(run.function, EEXIT);
    CHECK_EQ(memcmp(report.mrenclave, reporter.sigstruct + 960, 32), 0);
    CHECK_EQ(report.attributes, ATTR_MODE64BIT | 1);
    CHECK_EQ(report.xfrm, reporter.image->xfrm);
    CHECK_EQ(report.isv_prod_id, *(const uint16_t *)(reporter.sigstruct + 1024));
    CHECK_EQ(report.isv_svn, *(const uint16_t *)(reporter.sigstruct + 1026));
    CHECK_EQ(memcmp(report.report_data, zero, 64), 0);

    CHECK(verifies(&target, &report));
    CHECK(!verifies(&stranger, &report));
    for (unsigned at = 0; at < 384; at += 37) {
        changed = report;
        ((uint8_t *)&changed)[at] ^= 1;
        CHECK(!verifies(&target, &changed));
    }
    return 0;
}

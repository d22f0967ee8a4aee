/* EREPORT: what it says of the enclave, and who can verify it. */
#include "keys.h"

int main(int argc, char **argv)
{
    (void)argc;
    struct enclave e = enclave_build(argv[1]), debug = enclave_load(argv[1]);
    struct secs secs = enclave_secs(&debug);
    static const uint8_t zero[64];
    uint8_t data[64];

    /* The same pages as a debug enclave: another target. */
    debug.fd = open(ENCLAVE_NODE, O_RDWR);
    secs.attributes |= ATTR_DEBUG;
    CHECK_EQ(enclave_create(&debug, &secs), 0);
    enclave_add_all(&debug);
    CHECK_EQ(enclave_init(&debug), 0);
    enclave_map(&debug);

    for (int i = 0; i < 64; i++)
        data[i] = (uint8_t)(i * 3);
    struct report first = own_report(&e), other = own_report(&debug);
    struct target_info self = target_of(&first), stranger = target_of(&other);
    struct report report = report_for(&e, &self, data);

    CHECK_EQ(memcmp(report.mrenclave, e.sigstruct + 960, 32), 0);
    CHECK(memcmp(report.mrsigner, zero, 32) != 0);
    CHECK_EQ(memcmp(report.mrsigner, other.mrsigner, 32), 0);
    CHECK_EQ(report.attributes, e.image->attributes | 1);
    CHECK_EQ(other.attributes, e.image->attributes | ATTR_DEBUG | 1);
    CHECK_EQ(report.xfrm, e.image->xfrm);
    CHECK_EQ(report.miscselect, e.image->miscselect);
    CHECK_EQ(report.isv_prod_id, *(const uint16_t *)(e.sigstruct + 1024));
    CHECK_EQ(report.isv_svn, *(const uint16_t *)(e.sigstruct + 1026));
    CHECK_EQ(memcmp(report.report_data, data, 64), 0);
    CHECK_EQ(memcmp(report.config_id, zero, 64), 0);
    CHECK_EQ(report.config_svn, 0);
    CHECK_EQ(memcmp(report.reserved4, zero, sizeof(report.reserved4)), 0);
    CHECK_EQ(memcmp(report.key_id, first.key_id, 32), 0);

    CHECK(verifies(&e, &report));
    CHECK(!verifies(&debug, &report));
    report.report_data[0] ^= 1;
    CHECK(!verifies(&e, &report));

    /* For the stranger, by us: only the stranger can verify it. */
    report = report_for(&e, &stranger, data);
    CHECK(verifies(&debug, &report));
    CHECK(!verifies(&e, &report));
    return 0;
}

/* EREPORT and EGETKEY through the functions of enclave.S, with operands in the data pages. */
#ifndef KEYS_H
#define KEYS_H

#include "cmac.h"
#include "vdso.h"

enum { KEY_EINITTOKEN, KEY_PROVISION, KEY_PROVISION_SEAL, KEY_REPORT, KEY_SEAL };
#define POLICY_MRENCLAVE 1
#define POLICY_MRSIGNER 2

struct target_info {
    uint8_t mrenclave[32];
    uint64_t attributes, xfrm;
    uint8_t cet, reserved1;
    uint16_t config_svn;
    uint32_t miscselect;
    uint8_t reserved2[8], config_id[64], reserved3[384];
};

struct report {
    uint8_t cpu_svn[16];
    uint32_t miscselect;
    uint8_t cet, reserved1[11], isv_ext_prod_id[16];
    uint64_t attributes, xfrm;
    uint8_t mrenclave[32], reserved2[32], mrsigner[32], reserved3[32], config_id[64];
    uint16_t isv_prod_id, isv_svn, config_svn;
    uint8_t reserved4[42], isv_family_id[16], report_data[64];
    uint8_t key_id[32], mac[16];
};

struct key_request {
    uint16_t name, policy, isv_svn, reserved1;
    uint8_t cpu_svn[16];
    uint64_t attribute_mask, xfrm_mask;
    uint8_t key_id[32];
    uint32_t misc_mask;
    uint16_t config_svn;
    uint8_t reserved2[434];
};

_Static_assert(sizeof(struct target_info) == 512, "TARGETINFO");
_Static_assert(sizeof(struct report) == 432, "REPORT");
_Static_assert(sizeof(struct key_request) == 512, "KEYREQUEST");

/* Where the operands lie inside. */
#define IN_REQUEST (DATA + PAGE)
#define IN_DATA (DATA + PAGE + 512)
#define OUT (DATA + PAGE + 1024)

static inline void copy(const struct enclave *e, uint64_t to, uint64_t from, uint64_t bytes)
{
    struct op op = {.function = OP_COPY, .a = from, .b = to, .c = bytes};
    CHECK_EQ(enclave_run(e, 0, op), 0);
}

static inline struct report report_for(const struct enclave *e, const struct target_info *target,
                                       const uint8_t data[64])
{
    struct report report;

    copy(e, e->base + IN_REQUEST, (uint64_t)target, sizeof(*target));
    copy(e, e->base + IN_DATA, (uint64_t)data, 64);
    struct op op = {.function = OP_ENCLU, .a = EREPORT, .b = e->base + IN_REQUEST,
                    .c = e->base + IN_DATA, .d = e->base + OUT};
    CHECK_EQ(enclave_run(e, 0, op), EREPORT);
    copy(e, (uint64_t)&report, e->base + OUT, sizeof(report));
    return report;
}

/* EGETKEY; gives RAX, and checks ZF. Where it is not 0, `key` must stay as it was. */
static inline uint64_t get_key(const struct enclave *e, const struct key_request *request,
                               uint8_t key[16])
{
    static const uint8_t mark[16] = "unchanged bytes";
    struct op op = {.function = OP_ENCLU, .a = EGETKEY, .b = e->base + IN_REQUEST,
                    .c = e->base + OUT};

    copy(e, e->base + IN_REQUEST, (uint64_t)request, sizeof(*request));
    copy(e, e->base + OUT, (uint64_t)mark, 16);
    struct sgx_run run = enclave_call(e, 0, EENTER, &op);
    CHECK_EQ(run.function, EEXIT);
    CHECK_EQ(op.regs[0], op.result != 0);
    copy(e, (uint64_t)key, e->base + OUT, 16);
    CHECK_EQ(memcmp(key, mark, 16) == 0, op.result != 0);
    return op.result;
}

/* A TARGETINFO that names the enclave that made this report. */
static inline struct target_info target_of(const struct report *report)
{
    struct target_info target = {.attributes = report->attributes, .xfrm = report->xfrm,
                                 .miscselect = report->miscselect};
    memcpy(target.mrenclave, report->mrenclave, 32);
    return target;
}

static inline struct report own_report(const struct enclave *e)
{
    static const struct target_info nobody;
    static const uint8_t zero[64];
    return report_for(e, &nobody, zero);
}

/* Whether the enclave can verify this report. */
static inline int verifies(const struct enclave *e, const struct report *report)
{
    struct key_request request = {.name = KEY_REPORT};
    uint8_t key[16], mac[16];

    memcpy(request.key_id, report->key_id, 32);
    CHECK_EQ(get_key(e, &request, key), 0);
    cmac(key, (const uint8_t *)report, 384, mac);
    return memcmp(mac, report->mac, 16) == 0;
}

#endif

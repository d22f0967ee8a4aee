/* PROVISION: the gate for the PROVISIONKEY attribute; EINITTOKENKEY never passes. */
#include "raw_ioctl.h"

static int provision(const struct enclave *e, uint64_t fd)
{
    struct set_provision arg = {.fd = fd};
    return ioctl(e->fd, IOC_PROVISION, &arg);
}

/* An enclave with all its pages and this attribute, before INIT. */
static struct enclave with(const char *path, uint64_t attribute)
{
    struct enclave e = enclave_open(path);
    struct secs secs = enclave_secs(&e);

    secs.attributes |= attribute;
    CHECK_EQ(enclave_create(&e, &secs), 0);
    enclave_add_all(&e);
    return e;
}

int main(int argc, char **argv)
{
    (void)argc;
    int node = open(PROVISION_NODE, O_RDONLY);
    int null = open("/dev/null", O_RDONLY);
    struct enclave e = enclave_open(argv[1]);

    CHECK(node >= 0 && null >= 0);
    CHECK_FAILS(ioctl(e.fd, IOC_PROVISION, UNMAPPED), EFAULT);
    CHECK_FAILS(provision(&e, 999), EINVAL);
    CHECK_FAILS(provision(&e, null), EINVAL);
    CHECK_FAILS(provision(&e, e.fd), EINVAL);
    CHECK_FAILS(provision(&e, ~0UL), EINVAL);

    /* Before CREATE it succeeds and is forgotten. */
    struct secs secs = enclave_secs(&e);
    secs.attributes |= ATTR_PROVISIONKEY;
    CHECK_EQ(provision(&e, node), 0);
    CHECK_EQ(enclave_create(&e, &secs), 0);
    enclave_add_all(&e);
    CHECK_FAILS(enclave_init(&e), EACCES);
    CHECK_EQ(provision(&e, node), 0);
    CHECK_EQ(enclave_init(&e), 0);
    CHECK_EQ(provision(&e, node), 0);

    /* Only the low half of the number counts, and the node may be closed afterwards. */
    e = with(argv[1], ATTR_PROVISIONKEY);
    CHECK_EQ(provision(&e, (uint64_t)node | 0x7fffffff00000000), 0);
    close(node);
    CHECK_EQ(enclave_init(&e), 0);

    e = with(argv[1], ATTR_EINITTOKENKEY);
    CHECK_FAILS(enclave_init(&e), EACCES);
    e = with(argv[1], ATTR_DEBUG);
    CHECK_EQ(enclave_init(&e), 0);
    return 0;
}

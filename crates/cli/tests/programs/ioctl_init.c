/* INIT: each errno, and that a failed one may be repeated. */
#include "raw_ioctl.h"

#define SIGSTRUCT 1808

static struct enclave e;
static uint8_t copy[SIGSTRUCT];

static int init_with(const void *sigstruct)
{
    struct enclave_init init = {.sigstruct = (uint64_t)sigstruct};
    return ioctl(e.fd, IOC_INIT, &init);
}

/* INIT with one byte of the SIGSTRUCT changed. */
static void refuse(unsigned offset, uint8_t flip, int error)
{
    memcpy(copy, e.sigstruct, SIGSTRUCT);
    copy[offset] ^= flip;
    CHECK_FAILS(init_with(copy), error);
}

int main(int argc, char **argv)
{
    (void)argc;
    e = enclave_open(argv[1]);
    CHECK_FAILS(enclave_init(&e), EINVAL);

    e = enclave_created(argv[1]);
    /* Without its pages it has another measurement. */
    CHECK_FAILS(enclave_init(&e), EPERM);
    enclave_add_all(&e);
    CHECK_FAILS(ioctl(e.fd, IOC_INIT, UNMAPPED), EFAULT);
    CHECK_FAILS(init_with((void *)UNMAPPED), EFAULT);
    CHECK_FAILS(init_with(before_nothing(SIGSTRUCT - 1)), EFAULT);

    refuse(16, 1, EINVAL);    /* VENDOR: neither 0 nor 8086H */
    refuse(0, 1, EPERM);      /* HEADER */
    refuse(50, 1, EPERM);     /* reserved */
    refuse(128, 1, EPERM);    /* MODULUS */
    refuse(512, 4, EPERM);    /* EXPONENT */
    refuse(600, 1, EPERM);    /* SIGNATURE */
    refuse(960, 1, EPERM);    /* ENCLAVEHASH */
    refuse(1026, 1, EPERM);   /* ISVSVN, which is signed */
    refuse(1040, 1, EPERM);   /* Q1 */
    refuse(1424, 1, EPERM);   /* Q2 */

    /* The driver looks at masked bits that the platform does not know, before the signature. */
    memcpy(copy, e.sigstruct, SIGSTRUCT);
    copy[933] = 1; /* ATTRIBUTES, bit 40, and its mask */
    copy[949] = 1;
    CHECK_FAILS(init_with(copy), EINVAL);
    memcpy(copy, e.sigstruct, SIGSTRUCT);
    copy[903] = 0x80; /* MISCSELECT, bit 31 */
    copy[907] = 0x80;
    CHECK_FAILS(init_with(copy), EINVAL);
    memcpy(copy, e.sigstruct, SIGSTRUCT);
    copy[943] = 0x40; /* XFRM, bit 62 */
    copy[959] = 0x40;
    CHECK_FAILS(init_with(copy), EINVAL);

    /* From an odd address, at the end of memory. */
    uint8_t *odd = before_nothing(SIGSTRUCT + 1);
    memcpy(odd, e.sigstruct, SIGSTRUCT);
    CHECK_EQ(init_with(odd), 0);
    CHECK_FAILS(enclave_init(&e), EINVAL);
    CHECK_FAILS(ioctl(e.fd, IOC_INIT, UNMAPPED), EINVAL);
    return 0;
}

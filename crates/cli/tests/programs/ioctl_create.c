/* CREATE: each errno, and that a failed one may be repeated. */
#include "raw_ioctl.h"

static void refuse(const char *path, void (*change)(struct secs *), int error)
{
    struct enclave e = enclave_open(path);
    struct secs secs = enclave_secs(&e);

    change(&secs);
    CHECK_FAILS(enclave_create(&e, &secs), error);
    secs = enclave_secs(&e);
    CHECK_EQ(enclave_create(&e, &secs), 0);
    CHECK_FAILS(enclave_create(&e, &secs), EINVAL);
    close(e.fd);
    munmap((void *)e.base, e.size);
}

static void no_size(struct secs *s) { s->size = 0; }
static void odd_size(struct secs *s) { s->size = 3 * PAGE; }
static void one_page(struct secs *s) { s->size = PAGE; }
static void huge(struct secs *s) { s->size = 1UL << 62; s->base = 0; }
static void too_huge(struct secs *s) { s->size = 1UL << 63; s->base = 0; }
static void odd_base(struct secs *s) { s->base += PAGE; }
static void no_frame(struct secs *s) { s->ssa_frame_size = 0; }
static void no_legacy(struct secs *s) { s->xfrm = 1; }
static void bad_xfrm(struct secs *s) { s->xfrm |= 1UL << 62; }
static void already_init(struct secs *s) { s->attributes |= 1; }
static void bad_attribute(struct secs *s) { s->attributes |= 1UL << 40; }
static void bad_misc(struct secs *s) { s->miscselect |= 1u << 31; }
static void reserved(struct secs *s) { s->reserved2[4000] = 1; }

int main(int argc, char **argv)
{
    (void)argc;
    struct enclave e = enclave_open(argv[1]);
    struct enclave_create at_nothing = {.src = UNMAPPED};
    struct secs secs = enclave_secs(&e);

    CHECK_FAILS(ioctl(e.fd, IOC_CREATE, UNMAPPED), EFAULT);
    CHECK_FAILS(ioctl(e.fd, IOC_CREATE, ~7UL), EFAULT);
    CHECK_FAILS(ioctl(e.fd, IOC_CREATE, &at_nothing), EFAULT);

    /* A SECS that is cut short, and one that ends where memory ends, at an odd address. */
    at_nothing.src = (uint64_t)before_nothing(PAGE - 1);
    CHECK_FAILS(ioctl(e.fd, IOC_CREATE, &at_nothing), EFAULT);
    struct secs *odd = (struct secs *)(before_nothing(PAGE + 3));
    memcpy(odd, &secs, PAGE);
    CHECK_EQ(enclave_create(&e, odd), 0);
    /* The state is looked at before the argument. */
    CHECK_FAILS(ioctl(e.fd, IOC_CREATE, UNMAPPED), EINVAL);

    refuse(argv[1], no_size, EINVAL);
    refuse(argv[1], odd_size, EINVAL);
    refuse(argv[1], too_huge, EINVAL);
    /* Whatever the processor refuses is EIO. */
    refuse(argv[1], one_page, EIO);
    refuse(argv[1], odd_base, EIO);
    refuse(argv[1], no_frame, EIO);
    refuse(argv[1], no_legacy, EIO);
    refuse(argv[1], bad_xfrm, EIO);
    refuse(argv[1], already_init, EIO);
    refuse(argv[1], bad_attribute, EIO);
    refuse(argv[1], bad_misc, EIO);
    refuse(argv[1], reserved, EIO);
    refuse(argv[1], huge, EIO);
    return 0;
}

/* ADD_PAGES: each errno, and what `count` says. */
#include "raw_ioctl.h"

static struct enclave e;
static uint8_t pages[4 * PAGE] __attribute__((aligned(4096)));

/* With all parts good, for one page of data. */
static struct add_pages good(const struct secinfo *secinfo)
{
    struct add_pages add = {
        .src = (uint64_t)pages,
        .offset = DATA,
        .length = PAGE,
        .secinfo = (uint64_t)secinfo,
        .flags = SGX_PAGE_MEASURE,
        .count = 77,
    };
    return add;
}

#define REFUSE(error, ...)                                                                   \
    do {                                                                                     \
        struct secinfo info = {.flags = SECINFO_REG | SECINFO_R | SECINFO_W};                \
        struct add_pages add = good(&info);                                                  \
        __VA_ARGS__;                                                                         \
        CHECK_FAILS(ioctl(e.fd, IOC_ADD_PAGES, &add), error);                                \
    } while (0)

static void refuse_arguments(void)
{
    CHECK_FAILS(ioctl(e.fd, IOC_ADD_PAGES, UNMAPPED), EFAULT);
    REFUSE(EINVAL, add.src += 8);
    REFUSE(EINVAL, add.offset += 8);
    REFUSE(EINVAL, add.length = 0);
    REFUSE(EINVAL, add.length = PAGE + 8);
    REFUSE(EINVAL, add.offset = e.size);
    REFUSE(EINVAL, add.offset = e.size - PAGE, add.length = 2 * PAGE);
    REFUSE(EINVAL, add.offset = ~0UL - PAGE + 1, add.length = 2 * PAGE);
    REFUSE(EINVAL, add.length = ~0UL - PAGE + 1);
    REFUSE(EFAULT, add.secinfo = UNMAPPED);
    REFUSE(EINVAL, info.flags = SECINFO_R);                       /* type 0 */
    REFUSE(EINVAL, info.flags = 0x300);                           /* VA */
    REFUSE(EINVAL, info.flags = 0x400);                           /* TRIM */
    REFUSE(EINVAL, info.flags = SECINFO_REG | SECINFO_W);
    REFUSE(EINVAL, info.flags = SECINFO_TCS | SECINFO_R | SECINFO_W);
    REFUSE(EINVAL, info.flags |= 1UL << 3);
    REFUSE(EINVAL, info.flags |= 1UL << 4);
    REFUSE(EINVAL, info.flags |= 1UL << 5);
    REFUSE(EINVAL, info.flags |= 1UL << 40);
    REFUSE(EINVAL, info.reserved[0] = 1);
    REFUSE(EINVAL, info.reserved[55] = 1);
    /* None of these reached the pages, nor the count. */
    struct secinfo info = {.flags = SECINFO_REG};
    struct add_pages add = good(&info);
    add.src += 8;
    CHECK_FAILS(ioctl(e.fd, IOC_ADD_PAGES, &add), EINVAL);
    CHECK_EQ(add.count, 77);
}

static void refuse_sources(void)
{
    struct secinfo info = {.flags = SECINFO_REG | SECINFO_R};
    struct add_pages add = good(&info);
    uint8_t *two = mmap(NULL, 2 * PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    CHECK(two != MAP_FAILED);
    add.src = 0;
    CHECK_FAILS(ioctl(e.fd, IOC_ADD_PAGES, &add), EFAULT);
    CHECK_EQ(add.count, 0);
    CHECK_EQ(mprotect(two + PAGE, PAGE, PROT_NONE), 0);
    add.src = (uint64_t)two + PAGE;
    CHECK_FAILS(ioctl(e.fd, IOC_ADD_PAGES, &add), EFAULT);
    CHECK_EQ(add.count, 0);

    /* The second page fails: the first one stays. */
    add = good(&info);
    add.src = (uint64_t)two;
    add.length = 2 * PAGE;
    CHECK_FAILS(ioctl(e.fd, IOC_ADD_PAGES, &add), EFAULT);
    CHECK_EQ(add.count, PAGE);
    CHECK_EQ(add.length, 2 * PAGE);
    add = good(&info);
    CHECK_FAILS(ioctl(e.fd, IOC_ADD_PAGES, &add), EBUSY);
    CHECK_EQ(add.count, 0);
    add.offset += PAGE;
    CHECK_EQ(ioctl(e.fd, IOC_ADD_PAGES, &add), 0);
    CHECK_EQ(add.count, PAGE);

    /* A page of an enclave is no source. */
    void *enclave = mmap((void *)(e.base + DATA), PAGE, PROT_READ, MAP_SHARED | MAP_FIXED, e.fd, 0);
    CHECK(enclave != MAP_FAILED);
    add = good(&info);
    add.offset += 2 * PAGE;
    add.src = (uint64_t)enclave;
    CHECK_FAILS(ioctl(e.fd, IOC_ADD_PAGES, &add), EFAULT);
}

static void accept(void)
{
    /* Four pages at once, unknown flags, a SECINFO at an odd address. */
    uint8_t place[sizeof(struct secinfo) + 1];
    struct secinfo info = {.flags = SECINFO_REG | SECINFO_R | SECINFO_X};
    struct add_pages add = good(&info);

    memcpy(place + 1, &info, sizeof(info));
    add.secinfo = (uint64_t)place + 1;
    add.offset = 0x10000;
    add.length = 4 * PAGE;
    add.flags = 0xfffffffffffffffe;
    CHECK_EQ(ioctl(e.fd, IOC_ADD_PAGES, &add), 0);
    CHECK_EQ(add.count, 4 * PAGE);
    CHECK_EQ(add.offset, 0x10000);
    CHECK_EQ(add.src, (uint64_t)pages);
    /* A TCS with reserved bytes set is refused by the processor. */
    info.flags = SECINFO_TCS;
    add = good(&info);
    add.offset = 0x14000;
    pages[200] = 1;
    CHECK_FAILS(ioctl(e.fd, IOC_ADD_PAGES, &add), EIO);
    pages[200] = 0;
    CHECK_EQ(ioctl(e.fd, IOC_ADD_PAGES, &add), 0);
}

int main(int argc, char **argv)
{
    (void)argc;
    struct secinfo info = {.flags = SECINFO_REG | SECINFO_R};
    struct add_pages add = good(&info);

    e = enclave_open(argv[1]);
    CHECK_FAILS(ioctl(e.fd, IOC_ADD_PAGES, &add), EINVAL);
    CHECK_FAILS(ioctl(e.fd, IOC_ADD_PAGES, UNMAPPED), EINVAL);
    e = enclave_created(argv[1]);
    refuse_arguments();
    refuse_sources();
    accept();

    e = enclave_build(argv[1]);
    add.offset = HOLE;
    CHECK_FAILS(ioctl(e.fd, IOC_ADD_PAGES, &add), EINVAL);
    return 0;
}

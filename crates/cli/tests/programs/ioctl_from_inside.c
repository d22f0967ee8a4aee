/* Arguments that lie where no enclave code may read or write them: EFAULT, and nothing is done. */
#include "raw_ioctl.h"

int main(int argc, char **argv)
{
    struct enclave e = enclave_build(argv[1]), next = enclave_created(argv[1]);
    struct secinfo secinfo = {.flags = next.pages[0].secinfo};
    struct add_pages add = {.offset = next.pages[0].offset,
                            .length = PAGE,
                            .secinfo = (uint64_t)&secinfo,
                            .flags = next.pages[0].measured ? SGX_PAGE_MEASURE : 0};
    uint64_t unreachable[] = {e.base + TCS(0), e.base + HOLE, next.base};

    (void)argc;
    for (int i = 0; i < 3; i++) {
        struct enclave_create create = {.src = unreachable[i]};
        struct enclave_init init = {.sigstruct = unreachable[i]};
        int fd = open(ENCLAVE_NODE, O_RDWR);

        CHECK(fd >= 0);
        CHECK_FAILS(ioctl(fd, IOC_CREATE, unreachable[i]), EFAULT);
        CHECK_FAILS(ioctl(fd, IOC_CREATE, &create), EFAULT);
        CHECK_FAILS(ioctl(next.fd, IOC_ADD_PAGES, unreachable[i]), EFAULT);
        add.src = unreachable[i];
        CHECK_FAILS(ioctl(next.fd, IOC_ADD_PAGES, &add), EFAULT);
        CHECK_EQ(add.count, 0);
        CHECK_FAILS(ioctl(next.fd, IOC_INIT, unreachable[i]), EFAULT);
        CHECK_FAILS(ioctl(next.fd, IOC_INIT, &init), EFAULT);
        CHECK_EQ(close(fd), 0);
    }
    enclave_add_all(&next);
    CHECK_EQ(enclave_init(&next), 0);
    return 0;
}

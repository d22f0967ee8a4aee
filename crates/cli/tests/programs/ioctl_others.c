/* Commands that the node does not know, and those that need SGX2. */
#include <cpuid.h>

#include "raw_ioctl.h"

int main(int argc, char **argv)
{
    (void)argc;
    static const uint64_t unknown[] = {IOC_VEPC_REMOVE_ALL, 0xa400, 0xa408, 0x4008a481, 0x5401,
                                       0xc0000000, 0xc018a4ff, 0x4018a402, 0x4010a402};
    struct enclave e = enclave_build(argv[1]);
    struct change_pages change = {0};
    struct remove_pages remove = {0};
    unsigned a, b, c, d;

    for (unsigned i = 0; i < sizeof(unknown) / sizeof(*unknown); i++)
        CHECK_FAILS(ioctl(e.fd, unknown[i], &change), ENOTTY);
    __cpuid_count(0x12, 0, a, b, c, d);
    /* Linux before 6.0 does not know those of SGX2; later ones look for it first. */
    int error = a & 2 ? ENOTTY : ENODEV;
    CHECK_FAILS(ioctl(e.fd, IOC_RESTRICT_PERMISSIONS, &change), error);
    CHECK_FAILS(ioctl(e.fd, IOC_MODIFY_TYPES, &change), error);
    CHECK_FAILS(ioctl(e.fd, IOC_REMOVE_PAGES, &remove), error);

    /* The same numbers mean nothing elsewhere. */
    int null = open("/dev/null", O_RDWR);
    CHECK_FAILS(ioctl(null, IOC_CREATE, &change), ENOTTY);
    CHECK_FAILS(ioctl(999, IOC_CREATE, &change), EBADF);
    return 0;
}

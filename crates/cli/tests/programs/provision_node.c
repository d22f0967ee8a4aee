/* The provisioning node can be opened and does nothing else. */
#include "enclave.h"

int main(void)
{
    struct set_provision provision = {0};
    int fd = open(PROVISION_NODE, O_RDWR);

    CHECK(fd >= 0);
    CHECK_FAILS(ioctl(fd, IOC_CREATE, &provision), ENOTTY);
    CHECK_FAILS(ioctl(fd, IOC_PROVISION, &provision), ENOTTY);
    CHECK_FAILS(mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0), ENODEV);
    return 0;
}

/* A process whose reading implies executing may not map an enclave. */
#include <sys/personality.h>

#include "enclave.h"

int main(int argc, char **argv)
{
    (void)argc;
    struct enclave e = enclave_build(argv[1]);
    void *data = (void *)(e.base + DATA);

    CHECK(personality(READ_IMPLIES_EXEC) >= 0);
    CHECK_FAILS(mmap(data, PAGE, PROT_READ, MAP_SHARED | MAP_FIXED, e.fd, 0), EACCES);
    CHECK(personality(0) >= 0);
    CHECK(mmap(data, PAGE, PROT_READ, MAP_SHARED | MAP_FIXED, e.fd, 0) == data);
    return 0;
}

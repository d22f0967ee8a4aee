/* Prints what pread of /dev/cpu/0/msr gives for each number: the register, or EIO. */
#include <fcntl.h>
#include <inttypes.h>
#include <unistd.h>

#include "check.h"

int main(int argc, char **argv)
{
    int fd = open("/dev/cpu/0/msr", O_RDONLY);

    CHECK(fd >= 0);
    for (int i = 1; i < argc; i++) {
        uint64_t value;
        ssize_t count = pread(fd, &value, sizeof(value), strtol(argv[i], NULL, 16));
        if (count == sizeof(value)) {
            printf("%016" PRIx64 "\n", value);
        } else {
            CHECK(count == -1 && errno == EIO);
            puts("EIO");
        }
    }
    return 0;
}

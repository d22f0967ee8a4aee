/* A host that forbids reading its memory before it opens the device, as careful ones do. */
#include <sys/prctl.h>

#include "dispositions.h"

int main(int argc, char **argv)
{
    (void)argc;
    CHECK_EQ(prctl(PR_SET_DUMPABLE, 0, 0, 0, 0), 0);
    CHECK_EQ(prctl(PR_GET_DUMPABLE, 0, 0, 0, 0), 0);
    struct enclave e = build_with_hole(argv[1]);
    check_undisturbed(&e, 0, 3);
    CHECK_EQ(prctl(PR_GET_DUMPABLE, 0, 0, 0, 0), 0);
    return 0;
}

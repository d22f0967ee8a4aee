/* The five signals are blocked, as in threads that leave signals to another one. */
#include "dispositions.h"

int main(int argc, char **argv)
{
    (void)argc;
    struct enclave e = build_with_hole(argv[1]);
    uint64_t pending = ~0UL;

    set_blocked(mask_of_five());
    check_undisturbed(&e, 0, 3);
    CHECK_EQ(syscall(SYS_rt_sigpending, &pending, 8), 0);
    CHECK_EQ(pending, 0);
    set_blocked(~0UL);
    check_undisturbed(&e, 1, 3);
    return 0;
}

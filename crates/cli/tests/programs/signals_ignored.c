/* The five signals are ignored. */
#include "dispositions.h"

int main(int argc, char **argv)
{
    (void)argc;
    struct enclave e = build_with_hole(argv[1]);

    for (int i = 0; i < FIVE; i++)
        set_action(five[i], (struct kernel_action){.handler = (uint64_t)SIG_IGN});
    check_undisturbed(&e, 0, 3);
    set_blocked(mask_of_five());
    check_undisturbed(&e, 1, 3);
    return 0;
}

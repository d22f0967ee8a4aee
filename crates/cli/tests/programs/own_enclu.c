/* EENTER by the program itself: what EEXIT leaves in the registers. */
#include "own.h"

int main(int argc, char **argv)
{
    (void)argc;
    struct enclave e = enclave_build(argv[1]);
    struct own_exit left;

    for (int i = 0; i < 100; i++) {
        struct op op = {.function = OP_NOP, .result = 9};
        own_enter(&op, e.base + TCS(i % THREADS), own_aep, &left);
        CHECK_EQ(op.result, 0);
        CHECK_EQ(left.rax, EEXIT);
        CHECK_EQ(left.rbx, (uint64_t)own_eenter + 3);
        CHECK_EQ(left.rcx, (uint64_t)own_aep);
        CHECK_EQ(left.rsp_moved, 0);
        CHECK_EQ(left.rbp_moved, 0);
    }

    struct op regs = {.function = OP_REGISTERS};
    own_enter(&regs, e.base + TCS(1), own_aep, &left);
    CHECK_EQ(regs.regs[0], 0);
    CHECK_EQ(regs.regs[1], (uint64_t)own_eenter + 3);
    CHECK_EQ(regs.regs[3], e.base + TCS(1));
    CHECK_EQ(regs.regs[4], own_rsp);
    CHECK_EQ(regs.regs[5], own_rbp);
    return 0;
}

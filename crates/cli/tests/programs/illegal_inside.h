/* What the enclave learns of an instruction that it may not execute. */
#ifndef ILLEGAL_INSIDE_H
#define ILLEGAL_INSIDE_H

#include "enclave.h"
#include "illegal_cases.h"

/* Where the instruction is, from the enclave's base, and its length. */
static inline uint64_t illegal_offset(unsigned number)
{
    return ILLEGAL + ILLEGAL_CODE + number * ILLEGAL_SLOT;
}

static inline unsigned illegal_length(const struct enclave *e, unsigned number)
{
    uint64_t last = illegal_offset(number) + ILLEGAL_SLOT - 1;

    for (uint64_t i = 0; i < e->image->pages; i++)
        if (e->pages[i].offset == last - last % PAGE)
            return e->pages[i].bytes[last % PAGE];
    CHECK(0);
}

/* The frame of the interrupted entry: the vector, all registers, and RIP at the instruction. */
static inline void check_illegal_frame(const struct enclave *e, unsigned number,
                                       const struct ssa_frame *frame)
{
    const struct illegal_case *c = &illegal_cases[number];
    const uint64_t *regs = &frame->gpr.rax;

    CHECK_EQ(frame->gpr.exitinfo, 0x80000300 + illegal_vector(c));
    CHECK_EQ(frame->gpr.rip, e->base + illegal_offset(number));
    for (unsigned n = 0; n < 16; n++)
        if ((illegal_lost(c) >> n & 1) == 0)
            CHECK_EQ(regs[n], illegal_pattern(n));
    CHECK_EQ(frame->gpr.rflags & 1, 1);             /* CF, as it was */
    CHECK_EQ(frame->gpr.rflags >> 16 & 1, 1);       /* RF: a fault */
    if (c->outcome == GP) {
        CHECK_EQ(frame->exinfo_maddr, 0);
        CHECK_EQ(frame->exinfo_errcd, 0);
    }
}

#endif

/* A program without a C library: static, its own system calls, its own ENCLU. */
#include "raw.h"

static void enter(struct op *op, uint64_t tcs)
{
    __asm__ volatile("lea 1f(%%rip), %%rcx\n"
                     "1: enclu"
                     : "+b"(tcs)
                     : "a"(EENTER), "D"(op)
                     : "rcx", "rdx", "rsi", "r8", "r9", "r10", "r11", "memory", "cc");
}

__attribute__((used)) static void start(const long *stack)
{
    must(10, stack[0] == 2);
    struct raw_enclave e = raw_load((const char *)stack[2]);
    raw_build(&e, e.image->xfrm);

    struct op op = {.function = OP_LOAD, .a = e.base + DATA};
    enter(&op, e.base + TCS(0));
    must(8, op.result == DATA_WORD);
    call(SYS_EXIT, 0, 0, 0, 0, 0, 0);
}

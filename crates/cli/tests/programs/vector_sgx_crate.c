/* A signed enclave that others made: copies the 8 bytes at rdi to rsi, on a stack of its own, and
 * leaves with its x87 and SSE state cleared, masks included. */
#include "vdso.h"

int main(int argc, char **argv)
{
    (void)argc;
    struct enclave e = enclave_build(argv[1]);
    struct sgx_run run = {.tcs = e.base};
    uint64_t from = 0x1122334455667788, to = 0;
    uint32_t mxcsr;
    uint16_t fcw;

    CHECK_EQ(e.image->attributes, ATTR_MODE64BIT);
    sgx_enter enter = vdso_enter();
    __asm__ volatile("stmxcsr %0\n fnstcw %1" : "=m"(mxcsr), "=m"(fcw));
    int result = enter((unsigned long)&from, (unsigned long)&to, 0, EENTER, 0, 0, &run);
    __asm__ volatile("fninit\n ldmxcsr %0\n fldcw %1" : : "m"(mxcsr), "m"(fcw));
    CHECK_EQ(result, 0);
    CHECK_EQ(run.function, EEXIT);
    CHECK_EQ(to, from);
    return 0;
}

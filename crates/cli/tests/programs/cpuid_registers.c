/* CPUID changes its four registers and nothing else; the upper halves become zero. */
#include <stdint.h>

#include "check.h"

int main(void)
{
    for (int i = 0; i < 1000; i++) {
        uint64_t a = 0xffffffff00000007, b = ~0UL, c = 0xffffffff00000000, d = ~0UL;
        uint64_t si = 0x1111, di = 0x2222, r8, r15, flags_before, flags_after;

        __asm__ volatile("mov $0x8888, %%r8; mov $0x1515, %%r15\n"
                         "stc; pushf; pop %[before]\n"
                         "cpuid\n"
                         "pushf; pop %[after]\n"
                         "mov %%r8, %[r8]; mov %%r15, %[r15]"
                         : "+a"(a), "+b"(b), "+c"(c), "+d"(d), "+S"(si), "+D"(di),
                           [r8] "=m"(r8), [r15] "=m"(r15), [before] "=m"(flags_before),
                           [after] "=m"(flags_after)
                         :
                         : "r8", "r15", "cc", "memory");
        CHECK_EQ(a >> 32 | b >> 32 | c >> 32 | d >> 32, 0);
        CHECK_EQ(b >> 2 & 1, 1);
        CHECK_EQ(si, 0x1111);
        CHECK_EQ(di, 0x2222);
        CHECK_EQ(r8, 0x8888);
        CHECK_EQ(r15, 0x1515);
        CHECK_EQ(flags_after, flags_before);
    }
    return 0;
}

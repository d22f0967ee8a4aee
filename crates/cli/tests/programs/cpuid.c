/* What a program reads with CPUID, executed in its own code. */
#include <cpuid.h>

#include "check.h"

int main(void)
{
    unsigned a, b, c, d, sections = 0, max_leaf, xcr0_low, xcr0_high;
    unsigned long long total = 0;

    __cpuid(0, max_leaf, b, c, d);
    CHECK(max_leaf >= 0x12);
    __cpuid(1, a, b, c, d);
    CHECK_EQ(c >> 27 & 1, 1); /* OSXSAVE */
    __cpuid_count(7, 0, a, b, c, d);
    CHECK_EQ(b >> 2 & 1, 1);  /* SGX */
    CHECK_EQ(c >> 30 & 1, 1); /* SGX_LC */

    __cpuid_count(0x12, 0, a, b, c, d);
    CHECK_EQ(a & 1, 1);
    CHECK_EQ(c, 0);
    CHECK((d >> 8 & 0xff) >= 32 && (d >> 8 & 0xff) <= 57);
    CHECK((d & 0xff) == 31 || (d & 0xff) == 32);
    __cpuid_count(0x12, 1, a, b, c, d);
    CHECK_EQ(a & 0x36, 0x36); /* DEBUG, MODE64BIT, PROVISIONKEY, EINITTOKENKEY */
    CHECK_EQ(a & 1, 0);       /* INIT is not for software */
    __asm__("xgetbv" : "=a"(xcr0_low), "=d"(xcr0_high) : "c"(0));
    CHECK_EQ(c & 3, 3);
    CHECK_EQ(xcr0_low & 0xe7 & ~c, 0); /* x87, SSE, AVX, AVX-512 of the host */

    for (unsigned leaf = 2;; leaf++) {
        CHECK(leaf < 12);
        __cpuid_count(0x12, leaf, a, b, c, d);
        if ((a & 0xf) == 0)
            break;
        CHECK_EQ(a & 0xf, 1);
        CHECK((c & 0xf) == 1 || (c & 0xf) == 2);
        CHECK_EQ((a & 0xff0) | (c & 0xff0), 0);
        total += (c & 0xfffff000) + ((unsigned long long)(d & 0xfffff) << 32);
        sections++;
    }
    CHECK(sections >= 1);
    CHECK(total >= 1 << 20);

    /* Other leaves are the host's. */
    __cpuid_count(0xd, 0, a, b, c, d);
    CHECK_EQ(a, xcr0_low | (a & ~xcr0_low));
    CHECK(c >= 576);
    return 0;
}

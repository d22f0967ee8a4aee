/* Whether the code of a program reads as it was written: 0 if CPUID is still CPUID in it, else 3. */
#include <stdint.h>

#include "check.h"

int main(void)
{
    uint32_t a = 7, b, c = 0, d;
    const unsigned char *site;

    __asm__ volatile("lea 1f(%%rip), %4\n\tmovl $7, %%eax\n\txorl %%ecx, %%ecx\n1:\tcpuid"
                     : "=&a"(a), "=&b"(b), "=&c"(c), "=&d"(d), "=&r"(site));
    CHECK(a < 16 && b != 0);
    return site[0] == 0x0f && site[1] == 0xa2 ? 0 : 3;
}

/* Bytes that look like CPUID inside another instruction and inside data stay as they are. */
#include "check.h"

/* mov $0xa20f, %eax: 0f a2 in the immediate. */
unsigned immediate(void);
extern const unsigned char table[];
__asm__(".pushsection .text\n"
        "immediate:\n"
        "   .cfi_startproc\n"
        "   mov $0x1ca20f99, %eax\n"
        "   ret\n"
        "   .cfi_endproc\n"
        "table: .byte 0x0f, 0xa2, 0x0f, 0xa2, 0x0f, 0xa2, 0x48, 0x0f, 0xa2, 0xc3\n"
        "   .byte 0x06, 0x07, 0x0f, 0xa2, 0x90, 0x0e, 0x0f, 0xa2\n"
        ".popsection\n");

int main(void)
{
    static const unsigned char want[] = {0x0f, 0xa2, 0x0f, 0xa2, 0x0f, 0xa2, 0x48, 0x0f, 0xa2,
                                         0xc3, 0x06, 0x07, 0x0f, 0xa2, 0x90, 0x0e, 0x0f, 0xa2};

    CHECK_EQ(immediate(), 0x1ca20f99);
    for (unsigned i = 0; i < sizeof(want); i++)
        CHECK_EQ(table[i], want[i]);
    return 0;
}

/* OP_COMPUTE of enclave.S inside an enclave, and the same bytes of code outside of it: both must end with the
 * same registers. Needs no C library. */
#ifndef COMPUTE_H
#define COMPUTE_H

#include <cpuid.h>

#include "layout.h"

#define COMPUTE_CODE_PAGES 2

/* The page at the GS base, as compute.S uses it. */
struct compute_page {
    uint64_t outside[17];
    uint64_t self, word, done, rounds, level, seen, scratch[9], progress;
    uint8_t unused[1024 - 33 * 8];
    uint8_t result[3072];
};

_Static_assert(sizeof(struct compute_page) == PAGE, "GS page");

/* Which vector registers the machine lets enclaves have: 0 XMM, 1 YMM, 2 ZMM. */
static inline unsigned compute_level(void)
{
    unsigned a, b, c, d, features;

    __cpuid_count(7, 0, a, features, c, d);
    __cpuid_count(0x12, 1, a, b, c, d);
    if ((c & 0xe6) == 0xe6 && features >> 16 & 1)
        return 2;
    return (c & 6) == 6 && features >> 5 & 1;
}

/* The XFRM that the registers of a level need. */
static inline uint64_t compute_xfrm(unsigned level)
{
    static const uint64_t xfrm[] = {0x3, 0x7, 0xe7};
    return xfrm[level];
}

/* Calls `code` with everything it needs in `page`, where the GS base points. */
void compute_call(const void *code, struct compute_page *page);
__asm__(".pushsection .text\n"
        ".globl compute_call\n"
        "compute_call:\n"
        "   push %rbp; push %rbx; push %r12; push %r13; push %r14; push %r15\n"
        "   stmxcsr 120(%rsi); fnstcw 124(%rsi); mov %rsp, 32(%rsi)\n"
        "   lea 1f(%rip), %rax; mov %rax, 152(%rsi)\n"
        "   jmp *%rdi\n"
        "1: fninit; ldmxcsr %gs:120; fldcw %gs:124; mov %gs:32, %rsp\n"
        "   pop %r15; pop %r14; pop %r13; pop %r12; pop %rbx; pop %rbp; ret\n"
        ".popsection\n");

/* Computes outside, by the copy of the code at `code`. The GS base is at `page` already. */
static inline void compute_outside(const void *code, struct compute_page *page, uint64_t rounds,
                                   unsigned level)
{
    static uint64_t never, progress;

    page->self = (uint64_t)page;
    page->word = (uint64_t)&never;
    page->progress = (uint64_t)&progress;
    page->rounds = rounds;
    page->level = level;
    compute_call(code, page);
}

/* Copies the code from the image to `to`, which has COMPUTE_CODE_PAGES. */
static inline void compute_copy(uint8_t *to, const struct image_header *image)
{
    const struct image_page *pages = (const void *)(image + 1);

    for (uint64_t i = 0; i < image->pages; i++) {
        uint64_t offset = pages[i].offset - COMPUTE;
        if (offset < COMPUTE_CODE_PAGES * PAGE)
            for (uint64_t j = 0; j < PAGE; j++)
                to[offset + j] = pages[i].bytes[j];
    }
}

/* The first byte at which two results differ, as an offset into the GS page; 0 if there is none. Where the last
 * x87 instruction was (FXSAVE's FOP, FIP and FDP) and the stack of a push do not count. */
static inline unsigned compute_differ(const uint8_t *one, const uint8_t *other)
{
    for (unsigned i = 0; i < 3072; i++) {
        int counts = i < 6 || (i >= 24 && i < 712) || i >= 1024;
        if (counts && one[i] != other[i])
            return 1024 + i;
    }
    return 0;
}

#endif

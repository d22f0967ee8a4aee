/* Entering without the vDSO as often at once as one likes: nothing but the stack is kept. Needs no C library. */
#ifndef ENTER_H
#define ENTER_H

#include "layout.h"

/* EENTER with the AEP `aep`, which resumes. Gives RAX at the instruction after it: EEXIT, unless a handler has
 * led the thread there. */
uint64_t enter(struct op *op, uint64_t tcs);
/* The ENCLU of EENTER, the instruction after it, and the AEP with its ENCLU. */
extern char enter_enclu[], entered[], aep[], aep_enclu[];
/* How often a thread has begun to resume at the AEP: once for each asynchronous exit. */
extern volatile uint64_t resumes;

__asm__(".pushsection .text\n"
        ".globl enter, enter_enclu, entered, aep, aep_enclu\n"
        "enter:\n"
        "   push %rbp; push %rbx; push %r12; push %r13; push %r14; push %r15\n"
        "   mov %rsi, %rbx; lea aep(%rip), %rcx; mov $2, %eax\n"
        "enter_enclu:\n"
        "   enclu\n"
        "entered:\n"
        "   pop %r15; pop %r14; pop %r13; pop %r12; pop %rbx; pop %rbp; ret\n"
        "aep:\n"
        "   lock incq resumes(%rip)\n"
        "aep_enclu:\n"
        "   enclu\n"
        "   ud2\n"
        ".popsection\n"
        ".pushsection .bss\n"
        ".globl resumes\n"
        "resumes: .quad 0\n"
        ".popsection\n");

#endif

/* What is where in the enclave of enclave.S, and in its signed image. Needs no C library.
 *
 * The image, made by the test harness:
 *   struct image_header, then `pages` times struct image_page, then a SIGSTRUCT of 1808 bytes. */
#ifndef LAYOUT_H
#define LAYOUT_H

#include "sgx.h"

/* The image with eight threads has them where a program says so first. */
#ifndef THREADS
#define THREADS 3
#endif

/* Offsets of enclave.S. */
#define CODE 0x0UL
#define DATA 0x2000UL /* 4 pages; the first word is DATA_WORD */
#define DATA_WORD 0x1234567890abcdefUL
#define TCS(n) (0x6000UL + (n) * PAGE)
#define SSA(n) (0x6000UL + THREADS * PAGE + (n) * 3 * PAGE)
#define READ_ONLY (0x6000UL + THREADS * 5 * PAGE)
#define READ_WRITE_EXECUTE (READ_ONLY + PAGE)
#define HOLE (READ_ONLY + 3 * PAGE) /* inside the ELRANGE, never added */
#define COMPUTE (READ_ONLY + 4 * PAGE)
#define ILLEGAL (READ_ONLY + 4 * PAGE)
#define FRAMES 3

/* What the code of enclave.S does, by number; see there. */
enum {
    OP_NOP,
    OP_REGISTERS,
    OP_STORE,
    OP_LOAD,
    OP_UNDEFINED,
    OP_DIVIDE,
    OP_BREAKPOINT,
    OP_CPUID,
    OP_SYSCALL,
    OP_SPIN,
    OP_COPY,
    OP_ENCLU,
    OP_HANDLE,
    OP_KEEP,
    OP_HOLD,
    OP_COMPUTE,   /* with eight threads */
    OP_ILLEGAL,   /* with three */
    OP_SELECTORS, /* with three */
};

/* What the functions that fault return once they were stepped over. */
#define STEPPED_OVER 77

struct op {
    uint64_t function, a, b, c, d;
    uint64_t result;
    uint64_t regs[16]; /* in the order of struct gprsgx */
};

struct image_header {
    uint8_t magic[8];
    uint64_t size;
    uint32_t ssa_frame_size;
    uint32_t miscselect;
    uint64_t attributes;
    uint64_t xfrm;
    uint64_t pages;
};

struct image_page {
    uint64_t offset;
    uint64_t secinfo;
    uint64_t measured;
    uint8_t bytes[PAGE];
};

#endif

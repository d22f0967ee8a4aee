/* A program without a C library: static, its own system calls, its own ENCLU. */
#include <stddef.h>

#include "sgx.h"

/* As in enclave.h, which needs a C library. */
#define TCS0 0x6000UL
#define DATA 0x2000UL
#define DATA_WORD 0x1234567890abcdefUL
#define OP_LOAD 3

struct op {
    uint64_t function, a, b, c, d, result, regs[16];
};

struct image {
    uint64_t magic, size;
    uint32_t ssa_frame_size, miscselect;
    uint64_t attributes, xfrm, pages;
};

struct page {
    uint64_t offset, secinfo, measured;
    uint8_t bytes[PAGE];
};

static long call(long number, long a, long b, long c, long d, long e, long f)
{
    long result;
    register long r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = e;
    register long r9 __asm__("r9") = f;

    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return result;
}

#define SYS_OPEN 2
#define SYS_MMAP 9
#define SYS_IOCTL 16
#define SYS_EXIT 60
#define FIXED_SHARED 0x11
#define ANONYMOUS 0x22
#define PRIVATE 2

/* The number of the first step that went wrong is the exit status. */
static void must(int step, int good)
{
    if (!good)
        call(SYS_EXIT, step, 0, 0, 0, 0, 0);
}

static void enter(struct op *op, uint64_t tcs)
{
    __asm__ volatile("lea 1f(%%rip), %%rcx\n"
                     "1: enclu"
                     : "+b"(tcs)
                     : "a"(EENTER), "D"(op)
                     : "rcx", "rdx", "rsi", "r8", "r9", "r10", "r11", "memory", "cc");
}

__attribute__((aligned(4096))) static uint8_t staging[PAGE];
static struct secs secs;

static void build(const struct image *image, uint64_t base)
{
    const struct page *pages = (const void *)(image + 1);
    struct enclave_create create = {(uint64_t)&secs};
    struct enclave_init init = {(uint64_t)(pages + image->pages)};
    long fd = call(SYS_OPEN, (long)"/dev/sgx_enclave", 2, 0, 0, 0, 0);

    must(3, fd >= 0);
    secs.size = image->size;
    secs.base = base;
    secs.ssa_frame_size = image->ssa_frame_size;
    secs.miscselect = image->miscselect;
    secs.attributes = image->attributes;
    secs.xfrm = image->xfrm;
    must(4, call(SYS_IOCTL, fd, IOC_CREATE, (long)&create, 0, 0, 0) == 0);
    for (uint64_t i = 0; i < image->pages; i++) {
        struct secinfo secinfo = {.flags = pages[i].secinfo};
        struct add_pages add = {(uint64_t)staging, pages[i].offset, PAGE, (uint64_t)&secinfo,
                                pages[i].measured, 0};
        for (unsigned j = 0; j < PAGE; j++)
            staging[j] = pages[i].bytes[j];
        must(5, call(SYS_IOCTL, fd, IOC_ADD_PAGES, (long)&add, 0, 0, 0) == 0 && add.count == PAGE);
    }
    must(6, call(SYS_IOCTL, fd, IOC_INIT, (long)&init, 0, 0, 0) == 0);
    for (uint64_t i = 0; i < image->pages; i++) {
        long prot = pages[i].secinfo & SECINFO_TCS ? 3 : pages[i].secinfo & 7;
        long at = (long)(base + pages[i].offset);
        must(7, call(SYS_MMAP, at, PAGE, prot, FIXED_SHARED, fd, 0) == at);
    }
}

__attribute__((used)) static void start(const long *stack)
{
    const char *path = (const char *)stack[2];
    long file = call(SYS_OPEN, (long)path, 0, 0, 0, 0, 0);

    must(1, stack[0] == 2 && file >= 0);
    /* More than the file has is not touched. */
    const struct image *image = (void *)call(SYS_MMAP, 0, 1 << 20, 1, PRIVATE, file, 0);
    uint64_t area = (uint64_t)call(SYS_MMAP, 0, 2 * (long)image->size, 0, ANONYMOUS, -1, 0);
    must(2, area < ~4095UL);
    uint64_t base = (area + image->size - 1) & ~(image->size - 1);
    build(image, base);

    struct op op = {.function = OP_LOAD, .a = base + DATA};
    enter(&op, base + TCS0);
    must(8, op.result == DATA_WORD);
    call(SYS_EXIT, 0, 0, 0, 0, 0, 0);
}

__asm__(".globl _start\n_start: mov %rsp, %rdi\n and $-16, %rsp\n call start\n");

/* A program without a C library: its own system calls, and the enclave built with them. It says what is wrong
 * by its exit status: the number of the first step that failed. Begins at `start`. */
#ifndef RAW_H
#define RAW_H

#include "layout.h"

#define SYS_OPEN 2
#define SYS_MMAP 9
#define SYS_MPROTECT 10
#define SYS_SIGACTION 13
#define SYS_IOCTL 16
#define SYS_NANOSLEEP 35
#define SYS_GETPID 39
#define SYS_FORK 57
#define SYS_EXIT 60
#define SYS_WAIT4 61
#define SYS_KILL 62
#define SYS_GETPPID 110
#define SYS_PRCTL 157
#define SYS_ARCH_PRCTL 158
#define FIXED_SHARED 0x11
#define ANONYMOUS 0x22
#define ANONYMOUS_SHARED 0x21
#define PRIVATE 2

static inline long call(long number, long a, long b, long c, long d, long e, long f)
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

static inline void must(int step, int good)
{
    if (!good)
        call(SYS_EXIT, step, 0, 0, 0, 0, 0);
}

struct raw_enclave {
    const struct image_header *image;
    const struct image_page *pages;
    uint64_t base;
};

/* Opens the image and reserves its ELRANGE. */
static inline struct raw_enclave raw_load(const char *path)
{
    struct raw_enclave e;
    long file = call(SYS_OPEN, (long)path, 0, 0, 0, 0, 0);

    must(1, file >= 0);
    /* More than the file has is not touched. */
    e.image = (void *)call(SYS_MMAP, 0, 1 << 20, 1, PRIVATE, file, 0);
    e.pages = (const void *)(e.image + 1);
    long size = (long)e.image->size;
    uint64_t area = (uint64_t)call(SYS_MMAP, 0, 2 * size, 0, ANONYMOUS, -1, 0);
    must(2, area < ~4095UL);
    e.base = (area + size - 1) & ~(size - 1);
    return e;
}

/* Builds and maps the enclave, with this XFRM. */
static inline void raw_build(const struct raw_enclave *e, uint64_t xfrm)
{
    static uint8_t staging[PAGE] __attribute__((aligned(4096)));
    static struct secs secs;
    struct enclave_create create = {(uint64_t)&secs};
    struct enclave_init init = {(uint64_t)(e->pages + e->image->pages)};
    long fd = call(SYS_OPEN, (long)ENCLAVE_NODE, 2, 0, 0, 0, 0);

    must(3, fd >= 0);
    secs.size = e->image->size;
    secs.base = e->base;
    secs.ssa_frame_size = e->image->ssa_frame_size;
    secs.miscselect = e->image->miscselect;
    secs.attributes = e->image->attributes;
    secs.xfrm = xfrm;
    must(4, call(SYS_IOCTL, fd, IOC_CREATE, (long)&create, 0, 0, 0) == 0);
    for (uint64_t i = 0; i < e->image->pages; i++) {
        const struct image_page *page = &e->pages[i];
        struct secinfo secinfo = {.flags = page->secinfo};
        struct add_pages add = {(uint64_t)staging, page->offset, PAGE, (uint64_t)&secinfo,
                                page->measured, 0};
        for (unsigned j = 0; j < PAGE; j++)
            staging[j] = page->bytes[j];
        must(5, call(SYS_IOCTL, fd, IOC_ADD_PAGES, (long)&add, 0, 0, 0) == 0 && add.count == PAGE);
    }
    must(6, call(SYS_IOCTL, fd, IOC_INIT, (long)&init, 0, 0, 0) == 0);
    for (uint64_t i = 0; i < e->image->pages; i++) {
        long prot = e->pages[i].secinfo & SECINFO_TCS ? 3 : e->pages[i].secinfo & 7;
        long at = (long)(e->base + e->pages[i].offset);
        must(7, call(SYS_MMAP, at, PAGE, prot, FIXED_SHARED, fd, 0) == at);
    }
}

__asm__(".globl _start\n_start: mov %rsp, %rdi\n and $-16, %rsp\n call start\n");

#endif

/* Builds the enclave of enclave.S from its signed image, with the Linux ABI alone. */
#ifndef ENCLAVE_H
#define ENCLAVE_H

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check.h"
#include "layout.h"

struct enclave {
    const struct image_header *image;
    const struct image_page *pages;
    const uint8_t *sigstruct;
    int fd;
    uint64_t base;
    uint64_t size;
};

/* Reads the image file and reserves its ELRANGE, naturally aligned. Opens nothing. */
static inline struct enclave enclave_load(const char *path)
{
    struct enclave e = {.fd = -1};
    struct stat st;
    int file = open(path, O_RDONLY | O_CLOEXEC);

    CHECK(file >= 0);
    CHECK(fstat(file, &st) == 0);
    uint8_t *bytes = mmap(NULL, st.st_size, PROT_READ, MAP_PRIVATE, file, 0);
    CHECK(bytes != MAP_FAILED);
    close(file);
    e.image = (void *)bytes;
    CHECK(memcmp(e.image->magic, "ENCLIMG1", 8) == 0);
    e.pages = (void *)(bytes + sizeof(*e.image));
    e.sigstruct = bytes + sizeof(*e.image) + e.image->pages * sizeof(*e.pages);
    e.size = e.image->size;

    uint8_t *area = mmap(NULL, 2 * e.size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(area != MAP_FAILED);
    e.base = ((uint64_t)area + e.size - 1) & ~(e.size - 1);
    if (e.base != (uint64_t)area)
        munmap(area, e.base - (uint64_t)area);
    munmap((void *)(e.base + e.size), (uint64_t)area + e.size - e.base);
    return e;
}

static inline struct secs enclave_secs(const struct enclave *e)
{
    struct secs secs = {
        .size = e->size,
        .base = e->base,
        .ssa_frame_size = e->image->ssa_frame_size,
        .miscselect = e->image->miscselect,
        .attributes = e->image->attributes,
        .xfrm = e->image->xfrm,
    };
    return secs;
}

static inline int enclave_create(const struct enclave *e, const struct secs *secs)
{
    struct enclave_create create = {.src = (uint64_t)secs};
    return ioctl(e->fd, IOC_CREATE, &create);
}

/* Adds one page of the image. */
static inline int enclave_add(const struct enclave *e, const struct image_page *page)
{
    static uint8_t copy[PAGE] __attribute__((aligned(4096)));
    struct secinfo secinfo = {.flags = page->secinfo};
    struct add_pages add = {
        .src = (uint64_t)copy,
        .offset = page->offset,
        .length = PAGE,
        .secinfo = (uint64_t)&secinfo,
        .flags = page->measured ? SGX_PAGE_MEASURE : 0,
    };

    memcpy(copy, page->bytes, PAGE);
    int result = ioctl(e->fd, IOC_ADD_PAGES, &add);
    if (result == 0)
        CHECK_EQ(add.count, PAGE);
    return result;
}

static inline void enclave_add_all(const struct enclave *e)
{
    for (uint64_t i = 0; i < e->image->pages; i++)
        CHECK_EQ(enclave_add(e, &e->pages[i]), 0);
}

static inline int enclave_init(const struct enclave *e)
{
    struct enclave_init init = {.sigstruct = (uint64_t)e->sigstruct};
    return ioctl(e->fd, IOC_INIT, &init);
}

/* The protection with which a page of the image is mapped. */
static inline int page_prot(const struct image_page *page)
{
    if (page->secinfo & SECINFO_TCS)
        return PROT_READ | PROT_WRITE;
    return page->secinfo & (SECINFO_R | SECINFO_W | SECINFO_X);
}

/* Maps every page of the image with its own protection, neighbours of one protection at once. */
static inline void enclave_map(const struct enclave *e)
{
    uint64_t n = e->image->pages;

    for (uint64_t i = 0, next; i < n; i = next) {
        for (next = i + 1; next < n; next++)
            if (page_prot(&e->pages[next]) != page_prot(&e->pages[i]) ||
                e->pages[next].offset != e->pages[i].offset + (next - i) * PAGE)
                break;
        void *at = (void *)(e->base + e->pages[i].offset);
        CHECK(mmap(at, (next - i) * PAGE, page_prot(&e->pages[i]), MAP_SHARED | MAP_FIXED, e->fd,
                   0) == at);
    }
}

/* An enclave that is initialised and not mapped yet, with these fields of its SECS. */
static inline void enclave_launch_with(struct enclave *e, const struct secs *secs)
{
    e->fd = open(ENCLAVE_NODE, O_RDWR | O_CLOEXEC);
    CHECK(e->fd >= 0);
    CHECK_EQ(enclave_create(e, secs), 0);
    enclave_add_all(e);
    CHECK_EQ(enclave_init(e), 0);
}

/* From a loaded image to a mapped and initialised enclave. */
static inline void enclave_build_with(struct enclave *e, const struct secs *secs)
{
    enclave_launch_with(e, secs);
    enclave_map(e);
}

/* The whole way from the image. */
static inline struct enclave enclave_build(const char *path)
{
    struct enclave e = enclave_load(path);
    struct secs secs = enclave_secs(&e);

    enclave_build_with(&e, &secs);
    return e;
}

#endif

/* For the tests that give the driver bad arguments. */
#ifndef RAW_IOCTL_H
#define RAW_IOCTL_H

#include "enclave.h"

#define UNMAPPED 8UL /* no program has memory there */

/* Opens a fresh enclave object for the image. */
static inline struct enclave enclave_open(const char *path)
{
    struct enclave e = enclave_load(path);

    e.fd = open(ENCLAVE_NODE, O_RDWR | O_CLOEXEC);
    CHECK(e.fd >= 0);
    return e;
}

/* An enclave object after CREATE. */
static inline struct enclave enclave_created(const char *path)
{
    struct enclave e = enclave_open(path);
    struct secs secs = enclave_secs(&e);

    CHECK_EQ(enclave_create(&e, &secs), 0);
    return e;
}

/* Memory of `bytes` with nothing mapped behind it. */
static inline uint8_t *before_nothing(uint64_t bytes)
{
    uint64_t whole = (bytes + PAGE - 1) & ~(PAGE - 1);
    uint8_t *memory =
        mmap(NULL, whole + PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    CHECK(memory != MAP_FAILED);
    CHECK_EQ(munmap(memory + whole, PAGE), 0);
    return memory + whole - bytes;
}

#endif

/* An ELRANGE anywhere in the address space that a program may map, also far below 2 GiB, where
 * library operating systems put theirs. */
#include "vdso.h"

#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE 0x100000
#endif

int main(int argc, char **argv)
{
    (void)argc;
    static const uint64_t bases[] = {0x20000,    0x100000,    0x1000000,      0x10000000,
                                     0x40000000, 0x7ffe0000,  0x80000000,     0xfffe0000,
                                     1UL << 32,  1UL << 40,   0x7f0000000000};
    unsigned built = 0;

    for (unsigned i = 0; i < sizeof(bases) / sizeof(*bases); i++) {
        struct enclave e = enclave_load(argv[1]);
        struct secs secs;
        munmap((void *)e.base, e.size);
        void *area = mmap((void *)bases[i], e.size, PROT_NONE,
                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
        if (area == MAP_FAILED) {
            /* Below the lowest address for users, or where the program itself lies. */
            fprintf(stderr, "%#lx is taken\n", (unsigned long)bases[i]);
            continue;
        }
        CHECK_EQ((uint64_t)area, bases[i]);
        e.base = bases[i];
        e.fd = open(ENCLAVE_NODE, O_RDWR);
        CHECK(e.fd >= 0);
        secs = enclave_secs(&e);
        CHECK_EQ(enclave_create(&e, &secs), 0);
        enclave_add_all(&e);
        CHECK_EQ(enclave_init(&e), 0);
        enclave_map(&e);
        CHECK_EQ(enclave_run(&e, 0, (struct op){.function = OP_LOAD, .a = e.base + DATA}), DATA_WORD);
        struct op op = {.function = OP_UNDEFINED};
        CHECK_EXCEPTION(enclave_call(&e, 1, EENTER, &op), VECTOR_UD, 0, 0);
        built++;
    }
    CHECK_EQ(built, sizeof(bases) / sizeof(*bases));
    return 0;
}

/* A window that begins before the enclave and ends behind it. */
#include "vdso.h"

static void check_wide(const char *path, int early)
{
    struct enclave e = enclave_load(path);
    struct secs secs = enclave_secs(&e);
    void *at = (void *)(e.base - PAGE);

    e.fd = open(ENCLAVE_NODE, O_RDWR);
    CHECK(e.fd >= 0);
    if (!early)
        CHECK_EQ(enclave_create(&e, &secs), 0);
    CHECK(mmap(at, e.size + 2 * PAGE, PROT_NONE, MAP_SHARED | MAP_FIXED, e.fd, 0) == at);
    if (early)
        CHECK_EQ(enclave_create(&e, &secs), 0);
    enclave_add_all(&e);
    CHECK_EQ(enclave_init(&e), 0);
    for (uint64_t i = 0; i < e.image->pages; i++)
        CHECK_EQ(mprotect((void *)(e.base + e.pages[i].offset), PAGE, page_prot(&e.pages[i])), 0);
    CHECK_EQ(enclave_run(&e, 0, (struct op){.function = OP_LOAD, .a = e.base + DATA}), DATA_WORD);
    CHECK_EQ(munmap(at, e.size + 2 * PAGE), 0);
    CHECK_EQ(close(e.fd), 0);
}

int main(int argc, char **argv)
{
    (void)argc;
    check_wide(argv[1], 0);
    check_wide(argv[1], 1);
    return 0;
}

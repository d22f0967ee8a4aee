/* A mapping that is older than its page and allows more than the page does: each access, also one
 * that both allow, is a bus error. */
#include "vdso.h"

int main(int argc, char **argv)
{
    (void)argc;
    struct enclave e = enclave_load(argv[1]);
    struct secs secs = enclave_secs(&e);
    void *page = (void *)(e.base + READ_ONLY);

    e.fd = open(ENCLAVE_NODE, O_RDWR);
    CHECK(e.fd >= 0);
    CHECK(mmap(page, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, e.fd, 0) == page);
    CHECK_EQ(enclave_create(&e, &secs), 0);
    enclave_add_all(&e);
    CHECK_EQ(enclave_init(&e), 0);
    for (uint64_t i = 0; i < e.image->pages; i++)
        if (e.pages[i].offset != READ_ONLY)
            CHECK(mmap((void *)(e.base + e.pages[i].offset), PAGE, page_prot(&e.pages[i]),
                       MAP_SHARED | MAP_FIXED, e.fd, 0) != MAP_FAILED);

    struct op op = {.function = OP_LOAD, .a = e.base + READ_ONLY}, unused = {0};
    CHECK_EXCEPTION(enclave_call(&e, 0, EENTER, &op), VECTOR_PF, 4, e.base + READ_ONLY);
    /* The refused protection may be taken back. */
    CHECK_EQ(mprotect(page, PAGE, PROT_READ), 0);
    CHECK_EQ(enclave_call(&e, 0, ERESUME, &unused).function, EEXIT);
    CHECK_EQ(op.result, 0x0ead0ead0ead0ead);
    return 0;
}

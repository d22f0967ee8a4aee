/* Windows made before CREATE keep the enclave when its descriptor is closed, however they change later. */
#include "vdso.h"

static void check_load(const struct enclave *e)
{
    CHECK_EQ(enclave_run(e, 0, (struct op){.function = OP_LOAD, .a = e->base + DATA}), DATA_WORD);
}

/* Everything but the close of the descriptor; the windows are those of the image, or one over all of it. */
static struct enclave build(const char *path, int whole)
{
    struct enclave e = enclave_load(path);
    struct secs secs = enclave_secs(&e);

    e.fd = open(ENCLAVE_NODE, O_RDWR);
    CHECK(e.fd >= 0);
    if (whole)
        CHECK(mmap((void *)e.base, e.size, PROT_NONE, MAP_SHARED | MAP_FIXED, e.fd, 0) !=
              MAP_FAILED);
    else
        enclave_map(&e);
    CHECK_EQ(enclave_create(&e, &secs), 0);
    enclave_add_all(&e);
    CHECK_EQ(enclave_init(&e), 0);
    return e;
}

static void protect_all(const struct enclave *e)
{
    for (uint64_t i = 0; i < e->image->pages; i++)
        CHECK_EQ(mprotect((void *)(e->base + e->pages[i].offset), PAGE, page_prot(&e->pages[i])),
                 0);
}

int main(int argc, char **argv)
{
    (void)argc;
    for (int way = 0; way < 4; way++) {
        struct enclave e = build(argv[1], way & 1);
        if (way & 1)
            protect_all(&e);
        CHECK_EQ(close(e.fd), 0);
        usleep(20000);
        if (way & 2)
            protect_all(&e);
        check_load(&e);
        usleep(20000);
        check_load(&e);
        CHECK_EQ(enclave_run(&e, 1, (struct op){.function = OP_STORE, .a = e.base + DATA, .b = 5}),
                 0);
    }
    return 0;
}

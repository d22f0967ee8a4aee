/* mmap of an initialised enclave: what is refused, and with what errno. */
#include "vdso.h"

static struct enclave e;

/* Maps one page at this offset of the ELRANGE. */
static void *map(uint64_t offset, int prot, int flags)
{
    return mmap((void *)(e.base + offset), PAGE, prot, flags, e.fd, 0);
}

#define RW (PROT_READ | PROT_WRITE)
#define RWX (PROT_READ | PROT_WRITE | PROT_EXEC)
#define FIXED (MAP_SHARED | MAP_FIXED)

static int is_mapped(uint64_t offset)
{
    return msync((void *)(e.base + offset), PAGE, MS_ASYNC) == 0;
}

int main(int argc, char **argv)
{
    (void)argc;
    e = enclave_build(argv[1]);
    struct op load = {.function = OP_LOAD, .a = e.base + DATA};

    CHECK_FAILS(mmap(NULL, 0, PROT_READ, MAP_SHARED, e.fd, 0), EINVAL);
    CHECK_FAILS(map(DATA, PROT_READ, MAP_PRIVATE), EINVAL);
    CHECK_FAILS(map(DATA, PROT_READ, MAP_PRIVATE | MAP_FIXED), EINVAL);
    /* That comes before the mode of the descriptor, which would be EACCES. */
    int read_only = open(ENCLAVE_NODE, O_RDONLY);
    CHECK_FAILS(mmap(NULL, PAGE, PROT_WRITE, MAP_PRIVATE, read_only, 0), EINVAL);
    CHECK_FAILS(mmap(NULL, PAGE, PROT_WRITE, MAP_SHARED, read_only, 0), EACCES);
    CHECK_EQ(close(read_only), 0);
    CHECK_FAILS(map(DATA + 8, PROT_READ, FIXED), EINVAL);
    CHECK_FAILS(map(DATA, PROT_READ, MAP_SHARED | MAP_FIXED_NOREPLACE), EEXIST);
    /* So far the old mapping is there. */
    CHECK_EQ(enclave_run(&e, 0, load), DATA_WORD);

    /* Outside the ELRANGE, where the kernel would place it, and across its end. */
    CHECK_FAILS(mmap(NULL, PAGE, PROT_READ, MAP_SHARED, e.fd, 0), EACCES);
    CHECK_FAILS(mmap((void *)(e.base + e.size - PAGE), 2 * PAGE, PROT_READ, FIXED, e.fd, 0), EACCES);

    CHECK(map(DATA, RW, MAP_SHARED_VALIDATE | MAP_FIXED) == (void *)(e.base + DATA));
    CHECK_EQ(enclave_run(&e, 0, load), DATA_WORD);
    /* The address says which page it is, not the file offset. */
    CHECK(mmap((void *)(e.base + DATA), PAGE, RW, FIXED, e.fd, 77 * PAGE) ==
          (void *)(e.base + DATA));
    CHECK_EQ(enclave_run(&e, 0, load), DATA_WORD);

    /* No more than the page's SECINFO had; a TCS counts as RW. */
    CHECK_FAILS(map(READ_ONLY, RW, FIXED), EACCES);
    CHECK_FAILS(map(DATA + PAGE, RWX, FIXED), EACCES);
    CHECK_FAILS(map(TCS(2), PROT_READ | PROT_EXEC, FIXED), EACCES);
    CHECK(map(TCS(2), RW, FIXED) != MAP_FAILED);
    CHECK(map(READ_WRITE_EXECUTE, RWX, FIXED) != MAP_FAILED);
    CHECK(map(HOLE, RWX, FIXED) != MAP_FAILED);
    CHECK(map(READ_ONLY, PROT_NONE, FIXED) != MAP_FAILED);
    /* One page of several is enough to refuse all. */
    CHECK_FAILS(mmap((void *)(e.base + READ_ONLY), 2 * PAGE, RW, FIXED, e.fd, 0), EACCES);

    /* The driver's refusal comes after the old mapping was removed. */
    CHECK(is_mapped(TCS(0)));
    CHECK(!is_mapped(DATA + PAGE));
    CHECK(!is_mapped(READ_ONLY));
    CHECK_FAILS(map(TCS(0), RWX, FIXED), EACCES);
    CHECK(!is_mapped(TCS(0)));
    CHECK(map(TCS(0), RW, FIXED) != MAP_FAILED);
    CHECK_EQ(enclave_run(&e, 0, load), DATA_WORD);
    return 0;
}

/* mremap onto enclave memory from a place with a hole. By the kernel's version it fails or not, and when it
 * fails it has unmapped its target or not: an access there then goes as the map of memory says. */
#include <setjmp.h>
#include <signal.h>

#include "vdso.h"

static sigjmp_buf out;

static void jump(int signal)
{
    siglongjmp(out, signal);
}

static int is_mapped(uint64_t address)
{
    FILE *maps = fopen("/proc/self/maps", "r");
    unsigned long start, end;
    char line[512];
    int found = 0;

    CHECK(maps != NULL);
    while (fgets(line, sizeof(line), maps))
        if (sscanf(line, "%lx-%lx", &start, &end) == 2 && start <= address && address < end)
            found = 1;
    fclose(maps);
    return found;
}

/* Writes there; the signal that this raises, or 0. */
static int touch(uint64_t address)
{
    int signal = sigsetjmp(out, 1);

    if (signal == 0)
        *(volatile char *)address = 1;
    return signal;
}

int main(int argc, char **argv)
{
    (void)argc;
    struct enclave e = enclave_build(argv[1]);
    char *data = (char *)e.base + DATA;
    char *hole = mmap(NULL, 3 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    int fixed = MREMAP_MAYMOVE | MREMAP_FIXED;

    CHECK(hole != MAP_FAILED);
    CHECK_EQ(munmap(hole + PAGE, PAGE), 0);
    CHECK_FAILS(mremap(hole + PAGE, PAGE, PAGE, fixed, data + 2 * PAGE), EFAULT);
    if (mremap(hole, 2 * PAGE, 2 * PAGE, fixed, data) == MAP_FAILED)
        CHECK_EQ(errno, EFAULT);

    signal(SIGSEGV, jump);
    alarm(10);
    for (int i = 0; i < 4; i++) {
        uint64_t address = (uint64_t)data + i * PAGE;
        int expected = is_mapped(address) ? 0 : SIGSEGV;
        CHECK_EQ(touch(address), expected);
    }
    CHECK_EQ(enclave_run(&e, 0, (struct op){.function = OP_NOP}), 0);
    return 0;
}

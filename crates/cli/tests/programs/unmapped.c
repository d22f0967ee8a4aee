/* Unmaps, and says what died by it: with "all" everything there is, else every mapping that is executable and
 * has no file, before it enters the enclave and then reads at 0. On hardware no such mapping exists. Dies by
 * SIGSEGV. */
#include "vdso.h"

static void unmap_code_without_file(void)
{
    FILE *maps = fopen("/proc/self/maps", "r");
    char line[512], rights[8], path[300];
    unsigned long start, end;

    CHECK(maps != NULL);
    while (fgets(line, sizeof(line), maps)) {
        path[0] = 0;
        CHECK(sscanf(line, "%lx-%lx %7s %*s %*s %*s %299s", &start, &end, rights, path) >= 3);
        if (strcmp(rights, "r-xp") == 0 && path[0] == 0)
            CHECK_EQ(munmap((void *)start, end - start), 0);
    }
    fclose(maps);
}

int main(int argc, char **argv)
{
    struct enclave e = enclave_build(argv[1]);
    struct op op = {.function = OP_LOAD, .a = e.base + DATA};

    alarm(10);
    if (argc > 2 && strcmp(argv[2], "all") == 0) {
        CHECK_EQ(enclave_run(&e, 0, op), DATA_WORD);
        munmap(NULL, 0x7ffffffff000);
        return 7;
    }
    unmap_code_without_file();
    enclave_call(&e, 0, EENTER, &op);
    *(volatile int *)8 = 1;
    return 7;
}

/* Segment registers that an enclave has loaded do not outlast its exit, by EEXIT or by an exception. The host cannot
 * keep an enclave from loading them. */
#include "vdso.h"

/* The data segment of every program, by its usual name. */
#define OTHER 0x2b

static void check(void)
{
    unsigned ds, es, fs;

    __asm__ volatile("mov %%ds, %0\n mov %%es, %1\n mov %%fs, %2" : "=r"(ds), "=r"(es), "=r"(fs));
    CHECK_EQ(ds, 0);
    CHECK_EQ(es, 0);
    CHECK_EQ(fs, 0);
    CHECK_EQ(errno, 7); /* found by FS */
}

int main(int argc, char **argv)
{
    (void)argc;
    struct enclave e = enclave_build(argv[1]);
    struct op op = {.function = OP_SELECTORS, .a = OTHER, .b = 1};

    errno = 7;
    CHECK_EQ(enclave_run(&e, 0, (struct op){.function = OP_SELECTORS, .a = OTHER}), 0);
    check();
    CHECK_EXCEPTION(enclave_call(&e, 0, EENTER, &op), VECTOR_UD, 0, 0);
    check();
    return 0;
}

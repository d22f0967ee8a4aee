/* Under READ_IMPLIES_EXEC the driver refuses every mprotect of enclave memory. */
#include <sys/personality.h>

#include "vdso.h"

int main(int argc, char **argv)
{
    (void)argc;
    struct enclave e = enclave_build(argv[1]);
    void *data = (void *)(e.base + DATA), *code = (void *)(e.base + CODE);

    CHECK(personality(READ_IMPLIES_EXEC) >= 0);
    CHECK_FAILS(mprotect(data, PAGE, PROT_READ), EACCES);
    CHECK_FAILS(mprotect(data, PAGE, PROT_NONE), EACCES);
    CHECK_FAILS(mprotect(data, PAGE, PROT_WRITE), EACCES);
    CHECK_FAILS(mprotect(code, PAGE, PROT_READ | PROT_EXEC), EACCES);
    CHECK(personality(0) >= 0);
    CHECK_EQ(mprotect(data, PAGE, PROT_READ | PROT_WRITE), 0);
    CHECK_EQ(enclave_run(&e, 0, (struct op){.function = OP_LOAD, .a = e.base + DATA}), DATA_WORD);
    return 0;
}

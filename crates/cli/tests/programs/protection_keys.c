/* PKRU outside is the caller's: entries, faults inside and signals leave it alone. Without protection
 * keys in the processor or the kernel there is nothing to check. */
#include <signal.h>

#include "inside.h"

static uint32_t pkru(void)
{
    uint32_t value, high;

    __asm__ volatile("rdpkru" : "=a"(value), "=d"(high) : "c"(0));
    return value;
}

static void set_pkru(uint32_t value)
{
    __asm__ volatile("wrpkru" : : "a"(value), "c"(0), "d"(0) : "memory");
}

static void handler(int signal)
{
    (void)signal;
}

int main(int argc, char **argv)
{
    (void)argc;
    int key = pkey_alloc(0, 0);

    if (key < 0) {
        CHECK(errno == ENOSPC || errno == ENOSYS || errno == EINVAL);
        return 0;
    }
    struct enclave e = enclave_build(argv[1]);
    struct op op = {.function = OP_UNDEFINED}, unused = {0};
    uint32_t wanted = pkru() ^ 3u << 2 * key;

    set_pkru(wanted);
    CHECK_EQ(enclave_run(&e, 0, (struct op){.function = OP_NOP}), 0);
    CHECK_EQ(pkru(), wanted);
    CHECK_EXCEPTION(enclave_call(&e, 0, EENTER, &op), VECTOR_UD, 0, 0);
    CHECK_EQ(pkru(), wanted);
    CHECK_EQ(enclave_step_over(&e, 0, 2, NULL), 0x80000306);
    CHECK_EQ(enclave_call(&e, 0, ERESUME, &unused).function, EEXIT);
    CHECK_EQ(pkru(), wanted);
    signal(SIGUSR1, handler);
    raise(SIGUSR1);
    CHECK_EQ(pkru(), wanted);
    return 0;
}

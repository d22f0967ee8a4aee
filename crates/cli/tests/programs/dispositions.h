/* What the program did to the five signals with which faults arrive, before and after it used the
 * enclave: actions and masks must be as they were. */
#ifndef DISPOSITIONS_H
#define DISPOSITIONS_H

#include <cpuid.h>
#include <signal.h>
#include <sys/syscall.h>

#include "vdso.h"

#define FIVE 5
static const int five[FIVE] = {SIGILL, SIGSEGV, SIGBUS, SIGTRAP, SIGSYS};

/* As the kernel has it: handler, flags, restorer, mask. */
struct kernel_action {
    uint64_t handler, flags, restorer, mask;
};

static inline struct kernel_action action_of(int signal)
{
    struct kernel_action action;
    CHECK_EQ(syscall(SYS_rt_sigaction, signal, NULL, &action, 8), 0);
    return action;
}

static inline void set_action(int signal, struct kernel_action action)
{
    CHECK_EQ(syscall(SYS_rt_sigaction, signal, &action, NULL, 8), 0);
}

static inline uint64_t blocked_now(void)
{
    uint64_t mask;
    CHECK_EQ(syscall(SYS_rt_sigprocmask, SIG_BLOCK, NULL, &mask, 8), 0);
    return mask;
}

static inline void set_blocked(uint64_t mask)
{
    CHECK_EQ(syscall(SYS_rt_sigprocmask, SIG_SETMASK, &mask, NULL, 8), 0);
}

static inline uint64_t mask_of_five(void)
{
    uint64_t mask = 0;
    for (int i = 0; i < FIVE; i++)
        mask |= 1UL << (five[i] - 1);
    return mask;
}

/* CPUID, ENCLU, and each kind of fault inside, mended. */
static inline void use_everything(const struct enclave *e, int thread)
{
    static const struct {
        uint64_t function, offset;
        unsigned vector, error, bytes;
    } faults[] = {
        {OP_UNDEFINED, 0, VECTOR_UD, 0, 2},
        {OP_BREAKPOINT, 0, VECTOR_UD, 0, 1},
        {OP_DIVIDE, 0, VECTOR_DE, 0, 2},
        {OP_SYSCALL, 0, VECTOR_UD, 0, 2},
        {OP_CPUID, 0, VECTOR_UD, 0, 2},
        {OP_STORE, TCS(0), VECTOR_PF, 0x8007, 3},
        {OP_LOAD, HOLE, VECTOR_PF, 4, 3},
    };
    unsigned a, b, c, d;

    __cpuid_count(7, 0, a, b, c, d);
    CHECK_EQ(b >> 2 & 1, 1);
    __cpuid_count(0x12, 0, a, b, c, d);
    CHECK_EQ(a & 1, 1);
    CHECK_EQ(enclave_run(e, thread, (struct op){.function = OP_NOP}), 0);
    for (unsigned i = 0; i < sizeof(faults) / sizeof(*faults); i++) {
        uint64_t address = e->base + faults[i].offset;
        struct op op = {.function = faults[i].function, .a = address, .result = 9};
        struct op unused = {0};
        struct sgx_run run = enclave_call(e, thread, EENTER, &op);
        CHECK_EXCEPTION(run, faults[i].vector, faults[i].error,
                        faults[i].vector == VECTOR_PF ? address : 0);
        enclave_step_over(e, thread, faults[i].bytes, NULL);
        CHECK_EQ(enclave_call(e, thread, ERESUME, &unused).function, EEXIT);
    }
}

/* Maps the hole, so that a load from it is a SIGBUS for the kernel. */
static inline struct enclave build_with_hole(const char *path)
{
    struct enclave e = enclave_build(path);
    CHECK(mmap((void *)(e.base + HOLE), PAGE, PROT_READ, MAP_SHARED | MAP_FIXED, e.fd, 0) !=
          MAP_FAILED);
    return e;
}

/* Uses the enclave `times` times and checks that actions and mask stay as they are now. */
static inline void check_undisturbed(const struct enclave *e, int thread, int times)
{
    struct kernel_action before[FIVE];
    uint64_t blocked = blocked_now();

    for (int i = 0; i < FIVE; i++)
        before[i] = action_of(five[i]);
    for (int n = 0; n < times; n++) {
        use_everything(e, thread);
        CHECK_EQ(blocked_now(), blocked);
        for (int i = 0; i < FIVE; i++) {
            struct kernel_action now = action_of(five[i]);
            CHECK_EQ(now.handler, before[i].handler);
            CHECK_EQ(now.flags, before[i].flags);
            CHECK_EQ(now.restorer, before[i].restorer);
            CHECK_EQ(now.mask, before[i].mask);
        }
    }
}

#endif

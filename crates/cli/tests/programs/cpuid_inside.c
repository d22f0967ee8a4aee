/* CPUID inside is #UD each time and on every thread and process, the enclave's code stays what it was, and what
 * comes to lie at the same address later is executed. */
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>

#include "vdso.h"

static struct enclave e;
static uint64_t site;

/* The offset of the only CPUID in the first page: OP_CPUID. */
static uint64_t find(void)
{
    const uint8_t *code = memmem(e.pages[0].bytes, PAGE, "\x0f\xa2", 2);

    CHECK(code != NULL && e.pages[0].offset == CODE);
    return CODE + (code - e.pages[0].bytes);
}

static void raises(int thread)
{
    struct op op = {.function = OP_CPUID}, unused = {0};
    struct ssa_frame frame;

    CHECK_EXCEPTION(enclave_call(&e, thread, EENTER, &op), VECTOR_UD, 0, 0);
    for (int again = 0; again < 3; again++) {
        CHECK_EQ(enclave_step_over(&e, thread, 0, &frame), 0x80000300 + VECTOR_UD);
        CHECK_EQ(frame.gpr.rip, e.base + site);
        CHECK_EXCEPTION(enclave_call(&e, thread, ERESUME, &unused), VECTOR_UD, 0, 0);
    }
    /* What handlers of library operating systems look at. */
    CHECK_EQ(enclave_run(&e, thread, (struct op){.function = OP_LOAD, .a = e.base + site}) & 0xffff,
             0xa20f);
    CHECK_EQ(*(volatile uint16_t *)(e.base + site), 0xa20f);
    enclave_step_over(&e, thread, 2, NULL);
    CHECK_EQ(enclave_call(&e, thread, ERESUME, &unused).function, EEXIT);
    CHECK_EQ(op.result, STEPPED_OVER);
}

static void *second_thread(void *unused)
{
    raises(1);
    return unused;
}

/* Code of the program's own where the enclave was. */
static void successor(void)
{
    static const uint8_t code[] = {0x0f, 0xa2, 0xb8, 42, 0, 0, 0, 0xc3}; /* cpuid; mov $42, %eax; ret */
    uint8_t *page = (uint8_t *)e.base + site / PAGE * PAGE;
    sigset_t trap;
    int result;

    sigemptyset(&trap);
    sigaddset(&trap, SIGTRAP);
    CHECK_EQ(sigprocmask(SIG_BLOCK, &trap, NULL), 0);
    CHECK_EQ(munmap((void *)e.base, e.size), 0);
    close(e.fd);
    CHECK(mmap(page, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1,
               0) == page);
    memcpy(page + site % PAGE, code, sizeof(code));
    CHECK_EQ(mprotect(page, PAGE, PROT_READ | PROT_EXEC), 0);
    for (int again = 0; again < 3; again++) {
        __asm__ volatile("call *%1"
                         : "=a"(result)
                         : "r"(page + site % PAGE)
                         : "rbx", "rcx", "rdx", "memory");
        CHECK_EQ(result, 42);
    }
    CHECK_EQ(sigprocmask(SIG_BLOCK, NULL, &trap), 0);
    CHECK(sigismember(&trap, SIGTRAP));
    CHECK_EQ(sigpending(&trap), 0);
    CHECK(!sigismember(&trap, SIGTRAP));
}

int main(int argc, char **argv)
{
    (void)argc;
    pthread_t thread;
    int status;

    e = enclave_build(argv[1]);
    site = find();
    raises(0);
    CHECK_EQ(pthread_create(&thread, NULL, second_thread, NULL), 0);
    CHECK_EQ(pthread_join(thread, NULL), 0);
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        raises(2);
        _exit(0);
    }
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(status, 0);
    raises(0);
    successor();
    return 0;
}

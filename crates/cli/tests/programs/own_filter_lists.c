/* Hosts that lock themselves in, before or after they map their enclave, by filters that allow just what the
 * host itself calls and answer all else as badly as they can. Faults inside, blocked signals, handlers and pages
 * touched for the first time work as without the filter. */
#include <signal.h>
#include <sys/wait.h>
#include <ucontext.h>

#include "filter.h"
#include "vdso.h"

static struct enclave e;
static const char *image;
static volatile int handled;
extern char behind_fault[];

static void step_over(int signal, siginfo_t *info, void *context)
{
    ucontext_t *at = context;

    handled = signal;
    CHECK_EQ(info->si_addr, 8);
    at->uc_mcontext.gregs[REG_RIP] = (long)behind_fault;
}

static __attribute__((noinline)) void fault_outside(void)
{
    handled = 0;
    __asm__ volatile("movl $1, 8\n"
                     ".globl behind_fault\n"
                     "behind_fault:" ::: "memory");
}

static void use(void)
{
    struct op unused = {0}, op = {.function = OP_UNDEFINED};
    sigset_t all;

    /* A signal that the kernel forces although it is blocked. */
    for (int blocked = 0; blocked < 2; blocked++) {
        op = (struct op){.function = OP_UNDEFINED};
        CHECK_EXCEPTION(enclave_call(&e, 0, EENTER, &op), VECTOR_UD, 0, 0);
        CHECK_EQ(enclave_step_over(&e, 0, 2, NULL), 0x80000306);
        CHECK_EQ(enclave_call(&e, 0, ERESUME, &unused).function, EEXIT);
        CHECK_EQ(op.result, STEPPED_OVER);
        /* What was touched is present. */
        op = (struct op){.function = OP_LOAD, .a = e.base + READ_ONLY};
        CHECK_EQ(enclave_call(&e, 1, EENTER, &op).function, EEXIT);
        op = (struct op){.function = OP_STORE, .a = e.base + READ_ONLY};
        CHECK_EXCEPTION(enclave_call(&e, 1, EENTER, &op), VECTOR_PF, 7, e.base + READ_ONLY);
        enclave_step_over(&e, 1, 3, NULL);
        CHECK_EQ(enclave_call(&e, 1, ERESUME, &unused).function, EEXIT);
        for (uint64_t page = 0; page < 4; page++) {
            uint64_t at = e.base + DATA + page * PAGE + 8;
            CHECK_EQ(enclave_run(&e, 2, (struct op){.function = OP_STORE, .a = at, .b = page}), 0);
            CHECK_EQ(enclave_run(&e, 2, (struct op){.function = OP_LOAD, .a = at}), page);
        }
        fault_outside();
        CHECK_EQ(handled, SIGSEGV);
        if (blocked == 0) {
            sigfillset(&all);
            sigdelset(&all, SIGSEGV);
            CHECK_EQ(sigprocmask(SIG_BLOCK, &all, NULL), 0);
        }
    }
}

static void use_without_handler(void)
{
    struct op unused = {0}, op = {.function = OP_UNDEFINED};
    sigset_t all, before;

    sigfillset(&all);
    CHECK_EQ(sigprocmask(SIG_BLOCK, &all, &before), 0);
    CHECK_EXCEPTION(enclave_call(&e, 0, EENTER, &op), VECTOR_UD, 0, 0);
    enclave_step_over(&e, 0, 2, NULL);
    CHECK_EQ(enclave_call(&e, 0, ERESUME, &unused).function, EEXIT);
    CHECK_EQ(sigprocmask(SIG_SETMASK, &before, &all), 0);
    CHECK_EQ(sigismember(&all, SIGILL), 1);
}

static void locked_in_after(uint32_t otherwise)
{
    const int calls[] = {SYS_rt_sigprocmask, SYS_rt_sigreturn, SYS_write, SYS_exit_group, -1};

    enclave_map(&e);
    filter_allow_only(otherwise, calls);
    use();
}

static void locked_in_before(uint32_t otherwise)
{
    const int calls[] = {SYS_mmap,           SYS_munmap, SYS_rt_sigprocmask, SYS_rt_sigreturn,
                         SYS_write, SYS_exit_group, -1};

    filter_allow_only(otherwise, calls);
    enclave_map(&e);
    use();
    CHECK_EQ(munmap((void *)e.base, e.size), 0);
}

/* The filter stays when the program changes, and forks of the new one have it, too. */
static void locked_in_before_exec(uint32_t otherwise)
{
    const int calls[] = {SYS_rt_sigaction, SYS_seccomp, SYS_nanosleep, SYS_mremap, SYS_madvise, -1};

    filter_refuse(otherwise, calls);
    execl("/proc/self/exe", "again", image, "again", (char *)NULL);
    _exit(1);
}

static int after_exec(void)
{
    int status;

    e = enclave_build(image);
    use_without_handler();
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        use_without_handler();
        _exit(5);
    }
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(status, 5 << 8);
    return 0;
}

static void check(void (*locked_in)(uint32_t), uint32_t otherwise)
{
    pid_t child = fork();
    int status;

    CHECK(child >= 0);
    if (child == 0) {
        locked_in(otherwise);
        _exit(0);
    }
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(status, 0);
}

int main(int argc, char **argv)
{
    const uint32_t actions[] = {SECCOMP_RET_KILL_PROCESS, SECCOMP_RET_KILL_THREAD, SECCOMP_RET_TRAP,
                                SECCOMP_RET_ERRNO | EPERM, SECCOMP_RET_TRACE | 1};
    struct sigaction action = {.sa_sigaction = step_over, .sa_flags = SA_SIGINFO};

    image = argv[1];
    if (argc > 2)
        return after_exec();
    CHECK_EQ(sigaction(SIGSEGV, &action, NULL), 0);
    e = enclave_load(argv[1]);
    struct secs secs = enclave_secs(&e);
    enclave_launch_with(&e, &secs);
    vdso_enter();
    for (unsigned i = 0; i < sizeof(actions) / sizeof(*actions); i++) {
        check(locked_in_after, actions[i]);
        check(locked_in_before, actions[i]);
        check(locked_in_before_exec, actions[i]);
    }
    return 0;
}

/* What a filter of the program's own decides is what happens, whichever of our filters looks at the call, too;
 * CPUID is no system call, whatever it is replaced by; the strict mode; filters of single threads. */
#include <cpuid.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "filter.h"

/* Where the refused calls are: by path, with the driver's magic, stops, and neither. */
static const int refused[] = {SYS_openat, SYS_ioctl, SYS_mmap, SYS_getppid, SYS_newfstatat, -1};

static volatile int trapped;

static void on_trap(int signal, siginfo_t *info, void *context)
{
    (void)signal;
    (void)context;
    CHECK_EQ(info->si_code, 1);
    trapped = info->si_syscall;
}

static void call_all(int error)
{
    CHECK_FAILS(syscall(SYS_openat, AT_FDCWD, "/dev/sgx_enclave", O_RDWR), error);
    CHECK_FAILS(syscall(SYS_openat, AT_FDCWD, "/etc/passwd", O_RDONLY), error);
    CHECK_FAILS(syscall(SYS_ioctl, 0, 0xa404, 0), error);
    CHECK_FAILS(syscall(SYS_ioctl, 0, 0x5401, 0), error);
    CHECK_FAILS(syscall(SYS_mmap, 0, 4096, PROT_READ, MAP_SHARED, 0, 0), error);
    CHECK_FAILS(syscall(SYS_mmap, 0, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), error);
    CHECK_FAILS(syscall(SYS_getppid), error);
    struct stat st;
    CHECK_FAILS(syscall(SYS_newfstatat, AT_FDCWD, "/dev/sgx_enclave", &st, 0), error);
}

static void with_errno(void)
{
    filter_refuse(SECCOMP_RET_ERRNO | ENOTUNIQ, refused);
    call_all(ENOTUNIQ);
}

/* A tracer that is not there: with the numbers that a careless supervisor would take for its own, too. */
static void with_tracer(void)
{
    filter_refuse(SECCOMP_RET_TRACE | 1, refused);
    call_all(ENOSYS);
}

static void with_trap(void)
{
    struct sigaction action = {.sa_sigaction = on_trap, .sa_flags = SA_SIGINFO};

    CHECK_EQ(sigaction(SIGSYS, &action, NULL), 0);
    filter_refuse(SECCOMP_RET_TRAP, refused);
    for (const int *call = refused; *call >= 0; call++) {
        trapped = -1;
        syscall(*call, 0, 0, 0, 0, 0, 0);
        CHECK_EQ(trapped, *call);
    }
}

static unsigned leaf7(void)
{
    unsigned a, b = 0, c, d;

    __cpuid_count(7, 0, a, b, c, d);
    return b >> 2 & 1;
}

/* The filters above kill, refuse or trap what is not of this architecture. */
static void cpuid_is_no_call(void)
{
    const int none[] = {-1};

    CHECK_EQ(leaf7(), 1);
    filter_refuse(SECCOMP_RET_ERRNO | EPERM, none);
    CHECK_EQ(leaf7(), 1);
    filter_refuse(SECCOMP_RET_TRAP, none);
    CHECK_EQ(leaf7(), 1);
    filter_refuse(SECCOMP_RET_KILL_PROCESS, none);
    CHECK_EQ(leaf7(), 1);
}

/* getpid of 32-bit code. */
static long old_getpid(void)
{
    long result;

    __asm__ volatile("int $0x80" : "=a"(result) : "a"(20L) : "memory");
    return result;
}

static void old_calls_are_calls(void)
{
    const int none[] = {-1};
    long pid = old_getpid();

    /* A kernel without programs of 32 bits. */
    if (pid != getpid())
        _exit(0);
    filter_refuse(SECCOMP_RET_LOG, none);
    CHECK_EQ(old_getpid(), pid);
    filter_refuse(SECCOMP_RET_TRACE | 7, none);
    CHECK_EQ(old_getpid(), -ENOSYS);
    filter_refuse(SECCOMP_RET_ERRNO | EXDEV, none);
    CHECK_EQ(old_getpid(), -EXDEV);
}

static void old_calls_kill(void)
{
    const int none[] = {-1};

    filter_refuse(SECCOMP_RET_KILL_PROCESS, none);
    if (old_getpid() == -ENOSYS)
        raise(SIGSYS);
    _exit(1);
}

static void mode_is_told(void)
{
    const int none[] = {-1};

    CHECK_EQ(prctl(PR_GET_SECCOMP), 0);
    filter_refuse(SECCOMP_RET_ERRNO | EPERM, none);
    CHECK_EQ(prctl(PR_GET_SECCOMP), 2);
    CHECK_FAILS(prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT), EINVAL);
}

static void bad_requests(void)
{
    struct sock_filter ret = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    struct sock_filter endless = BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0);
    struct sock_filter misaligned[] = {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 3), ret};
    struct sock_filter far[] = {BPF_STMT(BPF_JMP | BPF_JA, 5), ret};
    struct sock_fprog good = {1, &ret}, none = {0, &ret}, off_the_end = {1, &endless},
                      odd = {2, misaligned}, nowhere = {1, (void *)8}, jump = {2, far};

    CHECK_FAILS(syscall(SYS_seccomp, 1, 0, 8), EFAULT);
    CHECK_FAILS(syscall(SYS_seccomp, 1, 0, &nowhere), EFAULT);
    CHECK_FAILS(syscall(SYS_seccomp, 1, 0, &none), EINVAL);
    CHECK_FAILS(syscall(SYS_seccomp, 1, 0, &off_the_end), EINVAL);
    CHECK_FAILS(syscall(SYS_seccomp, 1, 0, &odd), EINVAL);
    CHECK_FAILS(syscall(SYS_seccomp, 1, 0, &jump), EINVAL);
    CHECK_FAILS(syscall(SYS_seccomp, 1, 1U << 30, &good), EINVAL);
    CHECK_FAILS(syscall(SYS_seccomp, 0, 1, 0), EINVAL);
    CHECK_FAILS(syscall(SYS_seccomp, 99, 0, 0), EINVAL);
    CHECK_FAILS(prctl(PR_SET_SECCOMP, 3, &good), EINVAL);
    CHECK_FAILS(prctl(PR_SET_SECCOMP, 2, 8), EFAULT);
    uint32_t action = SECCOMP_RET_TRAP;
    CHECK_EQ(syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action), 0);
    CHECK_EQ(syscall(SYS_seccomp, 1, SECCOMP_FILTER_FLAG_TSYNC, &good), 0);
    CHECK_EQ(syscall(SYS_seccomp, 1, SECCOMP_FILTER_FLAG_LOG, &good), 0);
}

/* Filters as long as sandboxes write them, and longer. */
static void long_filters(void)
{
    static struct sock_filter steps[4096];
    const unsigned lengths[] = {100, 500, 4000};

    for (unsigned i = 0; i < sizeof(lengths) / sizeof(*lengths); i++) {
        unsigned length = lengths[i];
        for (unsigned at = 0; at < length; at++)
            steps[at] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0);
        steps[length - 3] =
            (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getppid, 0, 1);
        steps[length - 2] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (40 + i));
        steps[length - 1] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
        struct sock_fprog program = {(unsigned short)length, steps};
        CHECK_EQ(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program), 0);
        CHECK_FAILS(syscall(SYS_getppid), 40 + (int)i);
    }
}

static void *with_own_filter(void *unused)
{
    const int calls[] = {SYS_getppid, -1};

    filter_refuse(SECCOMP_RET_ERRNO | EPERM, calls);
    CHECK_FAILS(syscall(SYS_getppid), EPERM);
    return unused;
}

static void filters_of_one_thread(void)
{
    struct sock_filter ret = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    struct sock_fprog good = {1, &ret};
    pthread_t thread;

    CHECK_EQ(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
    CHECK_EQ(pthread_create(&thread, NULL, with_own_filter, NULL), 0);
    CHECK_EQ(pthread_join(thread, NULL), 0);
    CHECK(syscall(SYS_getppid) > 0);
    CHECK_EQ(syscall(SYS_seccomp, 1, SECCOMP_FILTER_FLAG_TSYNC, &good), 0);
}

static void strict(void)
{
    CHECK_EQ(prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT), 0);
    CHECK_EQ(syscall(SYS_write, 1, "", 0), 0);
    CHECK_EQ(leaf7(), 1);
    syscall(SYS_exit, 3);
}

static void strict_call(void)
{
    CHECK_EQ(syscall(SYS_seccomp, SECCOMP_SET_MODE_STRICT, 0, NULL), 0);
    syscall(SYS_getpid);
    syscall(SYS_exit, 3);
}

static void strict_open(void)
{
    CHECK_EQ(syscall(SYS_seccomp, SECCOMP_SET_MODE_STRICT, 0, NULL), 0);
    syscall(SYS_openat, AT_FDCWD, "/dev/sgx_enclave", O_RDONLY);
    syscall(SYS_exit, 3);
}

static void strict_seccomp(void)
{
    CHECK_EQ(prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT), 0);
    syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, NULL);
    syscall(SYS_exit, 3);
}

static void check(void (*what)(void), int expected, int line)
{
    pid_t child = fork();
    int status;

    CHECK(child >= 0);
    if (child == 0) {
        what();
        _exit(0);
    }
    CHECK_EQ(waitpid(child, &status, 0), child);
    if (status != expected) {
        fprintf(stderr, "line %d: status %#x, not %#x\n", line, status, expected);
        exit(1);
    }
}

#define ENDS(what, expected) check(what, expected, __LINE__)

int main(void)
{
    ENDS(with_errno, 0);
    ENDS(with_tracer, 0);
    ENDS(with_trap, 0);
    ENDS(cpuid_is_no_call, 0);
    ENDS(old_calls_are_calls, 0);
    ENDS(old_calls_kill, SIGSYS);
    ENDS(mode_is_told, 0);
    ENDS(bad_requests, 0);
    ENDS(long_filters, 0);
    ENDS(filters_of_one_thread, 0);
    ENDS(strict, 3 << 8);
    ENDS(strict_call, SIGKILL);
    ENDS(strict_open, SIGKILL);
    ENDS(strict_seccomp, SIGKILL);
    return 0;
}

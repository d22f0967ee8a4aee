/* The host's own vDSO functions still work. */
#include <sched.h>
#include <sys/syscall.h>
#include <time.h>

#include "vdso.h"

int main(void)
{
    struct vdso v = vdso_open();
    int (*gettime)(clockid_t, struct timespec *) =
        (int (*)(clockid_t, struct timespec *))vdso_lookup(&v, "__vdso_clock_gettime");
    long (*getcpu_)(unsigned *, unsigned *, void *) =
        (long (*)(unsigned *, unsigned *, void *))vdso_lookup(&v, "__vdso_getcpu");
    struct timespec a, b, c;
    unsigned cpu = ~0u, node = ~0u;

    CHECK(gettime != NULL && getcpu_ != NULL);
    CHECK_EQ(syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &a), 0);
    CHECK_EQ(gettime(CLOCK_MONOTONIC, &b), 0);
    CHECK_EQ(syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &c), 0);
    CHECK(a.tv_sec < b.tv_sec || (a.tv_sec == b.tv_sec && a.tv_nsec <= b.tv_nsec));
    CHECK(b.tv_sec < c.tv_sec || (b.tv_sec == c.tv_sec && b.tv_nsec <= c.tv_nsec));
    CHECK_EQ(getcpu_(&cpu, &node, NULL), 0);
    CHECK(cpu < 4096);
    return 0;
}

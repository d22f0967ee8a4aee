/* Runs a command on a host that refuses something: without NAME COMMAND... */
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "check.h"

/* A call, and a bit or a value of an argument that it is refused with; without mask any. */
struct refusal {
    const char *name;
    unsigned number, argument, mask, value, error;
};

static const struct refusal refusals[] = {
    {"ptrace", SYS_ptrace, 0, 0, 0, EPERM},
    {"seccomp", SYS_seccomp, 0, 0, 0, EPERM},
    /* Filters without anybody to ask. */
    {"listeners", SYS_seccomp, 1, SECCOMP_FILTER_FLAG_NEW_LISTENER, SECCOMP_FILTER_FLAG_NEW_LISTENER, EINVAL},
    /* SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV is newer than some headers. */
    {"killable_waits", SYS_seccomp, 1, 1 << 5, 1 << 5, EINVAL},
    {"memory_files", SYS_memfd_create, 0, 0, 0, EACCES},
    /* vm.memfd_noexec=2 of Linux 6.3: only without MFD_NOEXEC_SEAL. */
    {"plain_memory_files", SYS_memfd_create, 1, 8, 0, EACCES},
    {"userfaultfd", SYS_userfaultfd, 0, 0, 0, EPERM},
    {"modify_ldt", SYS_modify_ldt, 0, 0, 0, ENOSYS},
    {"pidfd_getfd", SYS_pidfd_getfd, 0, 0, 0, EPERM},
    {"kcmp", SYS_kcmp, 0, 0, 0, EPERM},
    {"user_namespaces", SYS_unshare, 0, CLONE_NEWUSER, CLONE_NEWUSER, EPERM},
};

static void refuse(const struct sock_filter *filter, unsigned short length)
{
    struct sock_fprog program = {length, (struct sock_filter *)filter};

    CHECK_EQ(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
    CHECK_EQ(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program), 0);
}

/* System calls of 32 bits, however they are made. */
static void refuse_int80(void)
{
    const struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_I386, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    refuse(filter, sizeof(filter) / sizeof(*filter));
}

static void refuse_call(const struct refusal *r)
{
    /* prctl installs filters, too. */
    const unsigned other = r->number == SYS_seccomp && r->mask == 0 ? SYS_prctl : r->number;
    const unsigned mask = other == SYS_prctl ? ~0u : r->mask, value = other == SYS_prctl ? PR_SET_SECCOMP : r->value;
    const struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, other, 1, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, r->number, 3, 4),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args) + 8 * r->argument),
        BPF_STMT(BPF_ALU | BPF_AND | BPF_K, mask),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | r->error),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    refuse(filter, sizeof(filter) / sizeof(*filter));
}

int main(int argc, char **argv)
{
    CHECK(argc > 2);
    const struct refusal *found = NULL;
    for (size_t i = 0; i < sizeof(refusals) / sizeof(*refusals); i++)
        if (strcmp(argv[1], refusals[i].name) == 0)
            found = &refusals[i];
    if (found != NULL) {
        refuse_call(found);
    } else {
        CHECK_EQ(strcmp(argv[1], "int80"), 0);
        refuse_int80();
    }
    execvp(argv[2], argv + 2);
    return 1;
}

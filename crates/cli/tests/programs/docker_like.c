/* Runs a command as a container would be run by default: docker_like OPTION... -- COMMAND...
 *
 *   filter         the system calls that the usual profile refuses are refused
 *   privileges     of root's capabilities just the usual ones are left
 *   uid=N          a user without a name
 *   first          the first process of a PID namespace, with /proc mounted hidepid=2
 *   readonly=DIR   DIR and what is below is read-only
 *   descriptors=N  no more than N
 *   closed         without standard input
 *
 * Ends with 77 where this user or this host cannot stage it. */
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "filter.h"

#define NOT_HERE 77

/* From headers that may be older than the profile. */
#define CALL_PIDFD_GETFD 438
#define CALL_PROCESS_MADVISE 440
#define CALL_CLONE3 435
#define CALL_IO_URING_SETUP 425
#define CALL_OPEN_TREE 428
#define CALL_MOUNT_SETATTR 442

static const int refused[] = {
    SYS_acct, SYS_add_key, SYS_bpf, SYS_clock_adjtime, SYS_clock_settime, SYS_delete_module,
    SYS_fanotify_init, SYS_finit_module, SYS_get_mempolicy, SYS_init_module, SYS_ioperm, SYS_iopl, SYS_kcmp,
    SYS_kexec_file_load, SYS_kexec_load, SYS_keyctl, SYS_lookup_dcookie, SYS_mbind, SYS_mount, SYS_move_pages,
    SYS_open_by_handle_at, SYS_perf_event_open, SYS_pivot_root, SYS_quotactl, SYS_reboot, SYS_request_key,
    SYS_set_mempolicy, SYS_setns, SYS_settimeofday, SYS_swapon, SYS_swapoff, SYS_sysfs, SYS_syslog, SYS_umount2,
    SYS_unshare, SYS_userfaultfd, SYS_ustat, CALL_PIDFD_GETFD, CALL_PROCESS_MADVISE,
    /* io_uring's three, and the new ways to mount. */
    CALL_IO_URING_SETUP, 426, 427, CALL_OPEN_TREE, 429, 430, 431, 432, 433, CALL_MOUNT_SETATTR,
};

/* What else a filter looks at: arguments. */
static void add_arguments(struct filter *f)
{
    const struct sock_filter clone_flags[] = {
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone, 0, 4),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args)),
        /* CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET. */
        BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, 0x7e020000, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    const struct sock_filter personality[] = {
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_personality, 0, 7),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 4, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0x8, 3, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0x20000, 2, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0xffffffff, 1, 0),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };

    for (size_t i = 0; i < sizeof(personality) / sizeof(*personality); i++)
        filter_add(f, personality[i]);
    for (size_t i = 0; i < sizeof(clone_flags) / sizeof(*clone_flags); i++)
        filter_add(f, clone_flags[i]);
}

/* 32-bit calls pass, as they do in a container; what they could do more is not asked here. */
static void install_filter(void)
{
    struct filter f = filter_begin(SECCOMP_RET_ALLOW);

    for (size_t i = 0; i < sizeof(refused) / sizeof(*refused); i++)
        filter_call(&f, (unsigned)refused[i], SECCOMP_RET_ERRNO | EPERM);
    filter_call(&f, CALL_CLONE3, SECCOMP_RET_ERRNO | ENOSYS);
    add_arguments(&f);
    struct sock_fprog program = filter_end(&f, SECCOMP_RET_ALLOW);
    /* Who may, installs it without giving up anything else, like a container's engine. */
    if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0) {
        CHECK_EQ(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
        CHECK_EQ(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program), 0);
    }
}

static void drop_capabilities(void)
{
    /* CHOWN DAC_OVERRIDE FOWNER FSETID KILL SETGID SETUID SETPCAP NET_BIND_SERVICE NET_RAW SYS_CHROOT MKNOD
     * AUDIT_WRITE SETFCAP */
    const unsigned long long kept = 1ULL << 0 | 1ULL << 1 | 1ULL << 3 | 1ULL << 4 | 1ULL << 5 | 1ULL << 6 |
                                    1ULL << 7 | 1ULL << 8 | 1ULL << 10 | 1ULL << 13 | 1ULL << 18 | 1ULL << 27 |
                                    1ULL << 29 | 1ULL << 31;
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct data[2];

    for (unsigned long capability = 0; prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0; capability++)
        if (!(kept >> capability & 1))
            CHECK_EQ(prctl(PR_CAPBSET_DROP, capability, 0, 0, 0), 0);
    CHECK_EQ(syscall(SYS_capget, &header, data), 0);
    for (int i = 0; i < 2; i++) {
        data[i].effective &= (unsigned)(kept >> (32 * i));
        data[i].permitted &= (unsigned)(kept >> (32 * i));
        data[i].inheritable = 0;
    }
    CHECK_EQ(syscall(SYS_capset, &header, data), 0);
}

/* A mount namespace, once. */
static void own_mounts(void)
{
    static int done;

    if (done)
        return;
    if (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
        exit(NOT_HERE);
    done = 1;
}

static void make_read_only(const char *folder)
{
    own_mounts();
    if (mount(folder, folder, NULL, MS_BIND, NULL) != 0 ||
        mount(NULL, folder, NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL) != 0)
        exit(NOT_HERE);
}

/* Goes on in the first process of a namespace; the one around waits for it. */
static void become_first(void)
{
    int status;

    own_mounts();
    if (unshare(CLONE_NEWPID) != 0)
        exit(NOT_HERE);
    pid_t child = fork();
    CHECK(child >= 0);
    if (child > 0) {
        CHECK_EQ(waitpid(child, &status, 0), child);
        if (WIFSIGNALED(status)) {
            signal(WTERMSIG(status), SIG_DFL);
            raise(WTERMSIG(status));
        }
        exit(WEXITSTATUS(status));
    }
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, "hidepid=2") != 0)
        exit(NOT_HERE);
}

static void become_user(unsigned uid)
{
    CHECK_EQ(setgroups(0, NULL), 0);
    CHECK_EQ(setresgid(uid, uid, uid), 0);
    CHECK_EQ(setresuid(uid, uid, uid), 0);
}

int main(int argc, char **argv)
{
    unsigned uid = 0, descriptors = 0;
    int filter = 0, closed = 0, at = 1;

    for (; at < argc && strcmp(argv[at], "--") != 0; at++) {
        const char *option = argv[at];
        if (strcmp(option, "filter") == 0)
            filter = 1;
        else if (strcmp(option, "closed") == 0)
            closed = 1;
        else if (strncmp(option, "uid=", 4) == 0)
            uid = (unsigned)atoi(option + 4);
        else if (strncmp(option, "descriptors=", 12) == 0)
            descriptors = (unsigned)atoi(option + 12);
        else if (strncmp(option, "readonly=", 9) == 0)
            make_read_only(option + 9);
        else if (strcmp(option, "first") == 0)
            become_first();
        else if (strcmp(option, "privileges") == 0)
            drop_capabilities();
        else
            CHECK(!"an option");
    }
    CHECK(at + 1 < argc);
    if (descriptors != 0) {
        struct rlimit limit = {descriptors, descriptors};
        CHECK_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
    }
    /* A user without privileges cannot install the filter as root could. */
    if (filter)
        install_filter();
    if (uid != 0)
        become_user(uid);
    if (closed)
        close(0);
    execvp(argv[at + 1], argv + at + 1);
    perror(argv[at + 1]);
    return 1;
}

/* A program in namespaces of its own: process ids that differ from those around, another /proc, another root
 * without any. Its processes run their enclaves, find their descriptors in /proc, and signal each other. Ends with
 * 77 where the host gives no namespaces. */
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "children.h"
#include "vdso.h"

#define NO_NAMESPACES 77

static struct enclave e;
static const char *image;
static volatile int handled;

static void on_signal(int signal)
{
    handled = signal;
}

static void put(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY);

    if (fd < 0 || write(fd, text, strlen(text)) < 0)
        exit(NO_NAMESPACES);
    close(fd);
}

/* The enclave of the parent and one of its own; faults and a signal by thread id on the way. */
static void use(void)
{
    struct op op = {.function = OP_UNDEFINED}, unused = {0};
    struct enclave own = enclave_build(image);

    CHECK_EXCEPTION(enclave_call(&own, 0, EENTER, &op), VECTOR_UD, 0, 0);
    enclave_step_over(&own, 0, 2, NULL);
    CHECK_EQ(enclave_call(&own, 0, ERESUME, &unused).function, EEXIT);
    CHECK_EQ(enclave_run(&e, 0, (struct op){.function = OP_LOAD, .a = e.base + DATA}), DATA_WORD);
    signal(SIGUSR1, on_signal);
    handled = 0;
    CHECK_EQ(syscall(SYS_tgkill, getpid(), syscall(SYS_gettid), SIGUSR1), 0);
    CHECK_EQ(handled, SIGUSR1);
    CHECK_EQ(munmap((void *)own.base, own.size), 0);
    CHECK_EQ(close(own.fd), 0);
}

static void *use_in_thread(void *unused)
{
    use();
    return unused;
}

static void check_proc(void)
{
    char path[64], target[64];
    struct stat st;

    snprintf(path, sizeof(path), "/proc/%d/fd/%d", getpid(), e.fd);
    CHECK(readlink(path, target, sizeof(target)) > 0);
    snprintf(path, sizeof(path), "/proc/self/fd/%d", e.fd);
    int again = open(path, O_RDWR | O_CLOEXEC);
    CHECK(again >= 0);
    /* The device once more, and so a new enclave. */
    struct enclave other = enclave_load(image);
    struct secs secs = enclave_secs(&other);
    other.fd = again;
    CHECK_EQ(enclave_create(&other, &secs), 0);
    CHECK_EQ(stat(ENCLAVE_NODE, &st), 0);
    CHECK(S_ISCHR(st.st_mode));
    CHECK_EQ(close(again), 0);
}

/* Another root, in which there is nothing. */
static int in_root(void)
{
    char folder[] = "/tmp/anyclave-root-XXXXXX";
    struct op op = {.function = OP_UNDEFINED}, unused = {0};

    if (mkdtemp(folder) == NULL)
        return 0;
    if (chroot(folder) != 0 || chdir("/") != 0)
        exit(NO_NAMESPACES);
    CHECK_FAILS(open("/proc/self/exe", O_RDONLY), ENOENT);
    CHECK_EXCEPTION(enclave_call(&e, 1, EENTER, &op), VECTOR_UD, 0, 0);
    enclave_step_over(&e, 1, 2, NULL);
    CHECK_EQ(enclave_call(&e, 1, ERESUME, &unused).function, EEXIT);
    pid_t child = fork();
    if (child == 0) {
        CHECK_EQ(enclave_run(&e, 0, (struct op){.function = OP_LOAD, .a = e.base + DATA}),
                 DATA_WORD);
        _exit(4);
    }
    CHECK_EQ(finish(child), 4);
    return 0;
}

static int in_namespace(void)
{
    pthread_t thread;
    pid_t child;

    CHECK_EQ(getpid(), 1);
    use();
    if (mount("proc", "/proc", "proc", 0, NULL) == 0)
        check_proc();
    child = fork();
    if (child == 0) {
        CHECK_EQ(getpid(), 2);
        use();
        CHECK_EQ(pthread_create(&thread, NULL, use_in_thread, NULL), 0);
        CHECK_EQ(pthread_join(thread, NULL), 0);
        execl("/proc/self/exe", "again", image, "again", (char *)NULL);
        _exit(1);
    }
    CHECK_EQ(finish(child), 21);
    child = fork();
    if (child == 0) {
        pause();
        _exit(1);
    }
    usleep(1000);
    int status;
    CHECK_EQ(kill(child, SIGKILL), 0);
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK(WIFSIGNALED(status));
    child = fork();
    if (child == 0)
        exit(in_root());
    if (finish(child) != 0)
        return NO_NAMESPACES;
    /* One namespace further down, after which no process can be made here any more. */
    if (unshare(CLONE_NEWPID) == 0) {
        child = fork();
        if (child == 0) {
            CHECK_EQ(getpid(), 1);
            use();
            _exit(8);
        }
        CHECK_EQ(finish(child), 8);
    }
    return 0;
}

int main(int argc, char **argv)
{
    char map[64];
    uid_t uid = getuid();
    gid_t gid = getgid();

    image = argv[1];
    e = enclave_build(image);
    CHECK_EQ(enclave_run(&e, 0, (struct op){.function = OP_LOAD, .a = e.base + DATA}), DATA_WORD);
    if (argc > 2)
        return 21;
    pid_t child = fork();
    if (child == 0) {
        /* Also where it is not needed: root's programs use these, too. */
        if (unshare(CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNS) != 0)
            exit(NO_NAMESPACES);
        put("/proc/self/setgroups", "deny");
        snprintf(map, sizeof(map), "0 %u 1", uid);
        put("/proc/self/uid_map", map);
        snprintf(map, sizeof(map), "0 %u 1", gid);
        put("/proc/self/gid_map", map);
        use();
        CHECK_EQ(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
        pid_t first = fork();
        if (first == 0)
            exit(in_namespace());
        exit(finish(first));
    }
    return finish(child);
}

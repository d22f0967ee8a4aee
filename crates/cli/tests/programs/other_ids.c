/* Root gives up its privileges, in parts and for good, before and after it has an enclave: its threads and children
 * go on with theirs, and build new ones. Ends with 77 where it is not root. */
#include <grp.h>
#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "vdso.h"

#define NOT_ROOT 77
#define NOBODY 65534

static struct enclave e;
static const char *image;

static void use(void)
{
    struct op op = {.function = OP_UNDEFINED}, unused = {0};

    CHECK_EXCEPTION(enclave_call(&e, 0, EENTER, &op), VECTOR_UD, 0, 0);
    enclave_step_over(&e, 0, 2, NULL);
    CHECK_EQ(enclave_call(&e, 0, ERESUME, &unused).function, EEXIT);
    struct enclave own = enclave_build(image);
    CHECK_EQ(enclave_run(&own, 2, (struct op){.function = OP_LOAD, .a = own.base + DATA}), DATA_WORD);
    CHECK_EQ(munmap((void *)own.base, own.size), 0);
    CHECK_EQ(close(own.fd), 0);
}

static void *use_in_thread(void *unused)
{
    use();
    return unused;
}

static void check_children(int execute)
{
    pthread_t thread;
    int status;
    pid_t child = fork();

    CHECK(child >= 0);
    if (child == 0) {
        use();
        if (execute)
            execl("/proc/self/exe", "again", image, "again", (char *)NULL);
        _exit(21);
    }
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(status, 21 << 8);
    CHECK_EQ(pthread_create(&thread, NULL, use_in_thread, NULL), 0);
    CHECK_EQ(pthread_join(thread, NULL), 0);
}

int main(int argc, char **argv)
{
    image = argv[1];
    if (argc > 2) {
        e = enclave_build(image);
        use();
        return 21;
    }
    if (geteuid() != 0)
        return NOT_ROOT;
    e = enclave_build(image);
    use();
    CHECK_EQ(setegid(NOBODY), 0);
    CHECK_EQ(seteuid(NOBODY), 0);
    use();
    check_children(0);
    CHECK_EQ(seteuid(0), 0);
    CHECK_EQ(setegid(0), 0);
    use();
    check_children(1);
    CHECK_EQ(setgroups(0, NULL), 0);
    CHECK_EQ(setresgid(NOBODY, NOBODY, NOBODY), 0);
    CHECK_EQ(setresuid(NOBODY, NOBODY, NOBODY), 0);
    /* It may not be dumped any more, as it was root. */
    use();
    check_children(argc > 3);
    CHECK_FAILS(setuid(0), EPERM);
    return 0;
}

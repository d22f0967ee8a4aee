/* Ways to execute a program, and ways to fail: a new program is whole and has its own enclave; where exec fails
 * everything is as it was, the enclave too. */
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "vdso.h"

extern char **environ;

static struct enclave e;
static char self[4096], folder[4096], path[4200];
static const char *image;

static void use(void)
{
    struct op unused = {0}, op = {.function = OP_UNDEFINED};

    CHECK_EXCEPTION(enclave_call(&e, 0, EENTER, &op), VECTOR_UD, 0, 0);
    enclave_step_over(&e, 0, 2, NULL);
    CHECK_EQ(enclave_call(&e, 0, ERESUME, &unused).function, EEXIT);
    CHECK_EQ(enclave_run(&e, 1, (struct op){.function = OP_LOAD, .a = e.base + DATA}), DATA_WORD);
}

static const char *made(const char *name, const char *text, int mode)
{
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    unlink(path);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755);
    CHECK(fd >= 0);
    CHECK_EQ(write(fd, text, strlen(text)), strlen(text));
    CHECK_EQ(fchmod(fd, mode), 0);
    close(fd);
    return path;
}

static void fails(const char *what, char **arguments, int error)
{
    CHECK_FAILS(execve(what, arguments, environ), error);
    use();
}

static char **many_arguments(size_t count, size_t length)
{
    char **arguments = calloc(count + 1, sizeof(*arguments));

    for (size_t i = 0; i < count; i++) {
        arguments[i] = malloc(length + 1);
        memset(arguments[i], 'x', length);
        arguments[i][length] = 0;
    }
    return arguments;
}

static void *failing_thread(void *unused)
{
    char *arguments[] = {"x", NULL};

    CHECK_FAILS(execve("/no/such/program", arguments, environ), ENOENT);
    return unused;
}

static void check_failures(void)
{
    char *arguments[] = {"x", NULL};
    pthread_t thread;
    int status;

    fails("/no/such/program", arguments, ENOENT);
    fails("/", arguments, EACCES);
    fails("/etc/passwd/x", arguments, ENOTDIR);
    fails("/etc/passwd", arguments, EACCES);
    fails(made("garbage", "\1\2\3", 0755), arguments, ENOEXEC);
    fails(made("cut", "\177ELF\2\1\1", 0755), arguments, ENOEXEC);
    fails(made("orphan", "#!/no/such/interpreter\n", 0755), arguments, ENOENT);
    fails(self, many_arguments(100, 1 << 17), E2BIG);
    fails(self, many_arguments(1, 1 << 18), E2BIG);
    fails(self, (char **)8, EFAULT);
    CHECK_EQ(pthread_create(&thread, NULL, failing_thread, NULL), 0);
    CHECK_EQ(pthread_join(thread, NULL), 0);
    use();
    pid_t child = vfork();
    if (child == 0) {
        execve("/no/such/program", arguments, environ);
        _exit(errno == ENOENT ? 5 : 1);
    }
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(status, 5 << 8);
    use();
}

/* Executes in a child; the new program ends with 21. */
static void runs(int (*execute)(void))
{
    int status;
    pid_t child = fork();

    CHECK(child >= 0);
    if (child == 0) {
        execute();
        perror("exec");
        _exit(1);
    }
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(status, 21 << 8);
}

static char *again[] = {"renamed", NULL, "again", NULL};

static int by_name(void)
{
    return execve(self, again, environ);
}

static int by_link(void)
{
    return execve("/proc/self/exe", again, environ);
}

static int by_descriptor(void)
{
    return fexecve(open(self, O_RDONLY | O_CLOEXEC), again, environ);
}

/* A copy of this program, in a file of the given descriptor. */
static void copy_to(int to)
{
    char buffer[1 << 16];
    int from = open(self, O_RDONLY | O_CLOEXEC);

    CHECK(from >= 0);
    for (ssize_t got; (got = read(from, buffer, sizeof(buffer))) > 0;)
        CHECK_EQ(write(to, buffer, got), got);
    close(from);
}

static int by_memory_file(void)
{
    int fd = (int)syscall(SYS_memfd_create, "program", MFD_CLOEXEC);

    CHECK(fd >= 0);
    copy_to(fd);
    return fexecve(fd, again, environ);
}

static int by_deleted_file(void)
{
    snprintf(path, sizeof(path), "%s/deleted", folder);
    unlink(path);
    int to = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0755);
    CHECK(to >= 0);
    copy_to(to);
    close(to);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    CHECK(fd >= 0);
    CHECK_EQ(unlink(path), 0);
    return fexecve(fd, again, environ);
}

static int by_script(void)
{
    static char text[4300];
    char *arguments[] = {"script", NULL};

    snprintf(text, sizeof(text), "#!/bin/sh\nexec '%s' '%s' again\n", self, image);
    return execve(made("script", text, 0755), arguments, environ);
}

static int by_many_words(void)
{
    char **arguments = many_arguments(1200, 1000), **environment = many_arguments(300, 1000);

    arguments[0] = again[0];
    arguments[1] = again[1];
    arguments[2] = again[2];
    return execve(self, arguments, environment);
}

/* Without any argument Linux gives a program an empty one, or it is of an older kind. */
static int by_no_words(void)
{
    char *none[] = {NULL};
    int status;
    pid_t child = fork();

    if (child == 0)
        return execve("/bin/true", none, none);
    CHECK_EQ(waitpid(child, &status, 0), child);
    _exit(status == 0 ? 21 : 1);
}

int main(int argc, char **argv)
{
    image = argc > 1 ? argv[1] : "";
    e = enclave_build(image);
    use();
    if (argc > 2)
        return 21;
    again[1] = argv[1];
    ssize_t length = readlink("/proc/self/exe", self, sizeof(self) - 1);
    CHECK(length > 0);
    self[length] = 0;
    strcpy(folder, self);
    *strrchr(folder, '/') = 0;
    check_failures();
    runs(by_name);
    runs(by_link);
    runs(by_descriptor);
    runs(by_memory_file);
    runs(by_deleted_file);
    runs(by_script);
    runs(by_many_words);
    runs(by_no_words);
    use();
    return 0;
}

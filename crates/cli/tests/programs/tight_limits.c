/* Hardly any address space, no more processes, a small stack, and few descriptors: what fails, fails as elsewhere, and
 * what was there works on. */
#include <sys/resource.h>
#include <sys/wait.h>

#include "vdso.h"

static void limit(int resource, rlim_t value)
{
    struct rlimit now;

    CHECK_EQ(getrlimit(resource, &now), 0);
    now.rlim_cur = value;
    CHECK_EQ(setrlimit(resource, &now), 0);
}

static rlim_t address_space(void)
{
    unsigned long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");

    CHECK(file != NULL);
    CHECK_EQ(fscanf(file, "%lu", &pages), 1);
    fclose(file);
    return pages * PAGE;
}

int main(int argc, char **argv)
{
    (void)argc;
    struct op op = {.function = OP_UNDEFINED}, unused = {0};
    struct enclave e = enclave_build(argv[1]);
    int status;

    limit(RLIMIT_STACK, 1 << 16);
    limit(RLIMIT_AS, address_space() + 16 * PAGE);
    CHECK(mmap(NULL, 1 << 20, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED);
    CHECK_EQ(errno, ENOMEM);
    CHECK(mmap(NULL, e.size, PROT_READ, MAP_SHARED, e.fd, 0) == MAP_FAILED);
    CHECK_EXCEPTION(enclave_call(&e, 0, EENTER, &op), VECTOR_UD, 0, 0);
    enclave_step_over(&e, 0, 2, NULL);
    CHECK_EQ(enclave_call(&e, 0, ERESUME, &unused).function, EEXIT);
    CHECK_EQ(enclave_run(&e, 2, (struct op){.function = OP_STORE, .a = e.base + DATA + 8, .b = 3}), 0);
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        CHECK_EQ(enclave_run(&e, 1, (struct op){.function = OP_LOAD, .a = e.base + DATA + 8}), 3);
        _exit(9);
    }
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(status, 9 << 8);
    limit(RLIMIT_AS, RLIM_INFINITY);
    struct enclave second = enclave_build(argv[1]);
    CHECK_EQ(enclave_run(&second, 0, (struct op){.function = OP_NOP}), 0);

    /* No more processes of this user, unless it may have any number. */
    limit(RLIMIT_NPROC, 0);
    child = fork();
    if (child == 0)
        _exit(9);
    CHECK(child > 0 || errno == EAGAIN);
    if (child > 0)
        CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(enclave_run(&e, 1, (struct op){.function = OP_LOAD, .a = e.base + DATA + 8}), 3);
    return 0;
}

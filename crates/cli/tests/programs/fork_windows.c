/* The windows of a fork's child are its own, the pages behind them are not: what one process unmaps, protects or
 * does not pass on is the other's still, first touches after the fork meet, and the enclave lives as long as
 * anyone has it. */
#include "inside.h"

static struct enclave e;

static void finish(pid_t child)
{
    int status;

    CHECK(child > 0);
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(status, 0);
}

static uint64_t load(int thread, uint64_t offset)
{
    return enclave_run(&e, thread, (struct op){.function = OP_LOAD, .a = e.base + offset});
}

static void store(int thread, uint64_t offset, uint64_t value)
{
    CHECK_EQ(enclave_run(&e, thread,
                         (struct op){.function = OP_STORE, .a = e.base + offset, .b = value}),
             0);
}

/* A load or store that faults with this error code; the TCS is then used up by one frame. */
static void faults(int thread, unsigned function, uint64_t offset, unsigned error)
{
    struct op op = {.function = function, .a = e.base + offset, .b = 1}, unused = {0};

    CHECK_EXCEPTION(enclave_call(&e, thread, EENTER, &op), VECTOR_PF, error, e.base + offset);
    enclave_step_over(&e, thread, 3, NULL);
    CHECK_EQ(enclave_call(&e, thread, ERESUME, &unused).function, EEXIT);
}

/* Pages that nobody has touched before the fork. */
static void first_touches(void)
{
    pid_t child = fork();
    if (child == 0) {
        store(1, READ_WRITE_EXECUTE, 31);
        store(1, DATA + 2 * PAGE, 32);
        CHECK_EQ(load(1, READ_ONLY), 0x0ead0ead0ead0ead);
        _exit(0);
    }
    finish(child);
    CHECK_EQ(load(0, READ_WRITE_EXECUTE), 31);
    CHECK_EQ(load(0, DATA + 2 * PAGE), 32);
    CHECK_EQ(load(0, READ_ONLY), 0x0ead0ead0ead0ead);
}

static void child_changes_its_windows(void)
{
    pid_t child = fork();
    if (child == 0) {
        CHECK_EQ(mprotect((void *)(e.base + DATA), PAGE, PROT_READ), 0);
        CHECK_EQ(munmap((void *)(e.base + DATA + PAGE), PAGE), 0);
        CHECK_EQ(load(1, DATA), DATA_WORD);
        faults(1, OP_STORE, DATA, 7);
        faults(1, OP_LOAD, DATA + PAGE, 4);
        CHECK(mmap((void *)(e.base + DATA + PAGE), PAGE, PROT_READ, MAP_SHARED | MAP_FIXED, e.fd,
                   0) != MAP_FAILED);
        CHECK_EQ(load(1, DATA + PAGE), 5);
        _exit(0);
    }
    finish(child);
    store(0, DATA + PAGE, 6);
    store(0, DATA, 7);
    store(0, DATA, DATA_WORD);
    CHECK_EQ(load(0, DATA + PAGE), 6);
}

static void parent_changes_after_the_fork(void)
{
    struct shared *shared = shared_memory();
    pid_t child = fork();

    if (child == 0) {
        wait_for(&shared->started);
        store(1, DATA + 8, 9);
        CHECK_EQ(load(1, DATA + 8), 9);
        _exit(0);
    }
    CHECK_EQ(mprotect((void *)(e.base + DATA), PAGE, PROT_NONE), 0);
    shared->started = 1;
    finish(child);
    faults(0, OP_LOAD, DATA, 4);
    CHECK_EQ(mprotect((void *)(e.base + DATA), PAGE, PROT_READ | PROT_WRITE), 0);
    CHECK_EQ(load(0, DATA + 8), 9);
}

static void not_passed_on(void)
{
    CHECK_EQ(madvise((void *)(e.base + DATA), PAGE, MADV_DONTFORK), 0);
    pid_t child = fork();
    if (child == 0) {
        faults(1, OP_LOAD, DATA, 4);
        CHECK_EQ(load(1, DATA + PAGE), 6);
        CHECK(mmap((void *)(e.base + DATA), PAGE, PROT_READ, MAP_SHARED | MAP_FIXED, e.fd, 0) !=
              MAP_FAILED);
        CHECK_EQ(load(1, DATA), DATA_WORD);
        _exit(0);
    }
    finish(child);
    CHECK_EQ(load(0, DATA), DATA_WORD);
    /* A mapping of a device does not get back to where it was. */
    CHECK_FAILS(madvise((void *)(e.base + DATA), PAGE, MADV_DOFORK), EINVAL);
}

/* The descriptor is closed everywhere, then the windows go, one process after the other. */
static void until_the_last(void)
{
    struct shared *shared = shared_memory();
    int ends[2];
    char byte = 0;

    CHECK_EQ(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) {
        pid_t middle = getpid();
        close(e.fd);
        close(ends[0]);
        if (fork() != 0)
            _exit(0);
        while (getppid() == middle)
            pause_ms(1);
        wait_for(&shared->started);
        CHECK_EQ(load(2, DATA + PAGE), 6);
        store(2, DATA + PAGE, 7);
        CHECK_EQ(load(2, DATA + PAGE), 7);
        CHECK_EQ(write(ends[1], "y", 1), 1);
        _exit(0);
    }
    close(ends[1]);
    CHECK_EQ(close(e.fd), 0);
    CHECK_EQ(load(0, DATA + PAGE), 6);
    CHECK_EQ(munmap((void *)e.base, e.size), 0);
    finish(child);
    shared->started = 1;
    CHECK_EQ(read(ends[0], &byte, 1), 1);
    CHECK_EQ(byte, 'y');
}

int main(int argc, char **argv)
{
    (void)argc;
    e = enclave_build(argv[1]);
    first_touches();
    store(0, DATA + PAGE, 5);
    child_changes_its_windows();
    parent_changes_after_the_fork();
    not_passed_on();
    until_the_last();
    return 0;
}

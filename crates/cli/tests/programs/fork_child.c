/* The child of a fork runs the parent's enclave too, shares its memory both ways, and builds one
 * of its own; so does a program that the child executes, and a child of vfork. */

#include "children.h"
#include "vdso.h"

int main(int argc, char **argv)
{
    struct enclave e = enclave_build(argv[1]);
    uint64_t word = e.base + DATA;

    CHECK_EQ(enclave_run(&e, 0, (struct op){.function = OP_STORE, .a = word, .b = 1}), 0);
    if (argc > 2)
        return 21;

    pid_t child = fork();
    if (child == 0) {
        CHECK_EQ(enclave_run(&e, 0, (struct op){.function = OP_LOAD, .a = word}), 1);
        CHECK_EQ(enclave_run(&e, 1, (struct op){.function = OP_STORE, .a = word, .b = 2}), 0);
        struct enclave own = enclave_build(argv[1]);
        CHECK_EQ(enclave_run(&own, 0, (struct op){.function = OP_LOAD, .a = own.base + DATA}),
                 DATA_WORD);
        _exit(20);
    }
    CHECK_EQ(finish(child), 20);
    CHECK_EQ(enclave_run(&e, 0, (struct op){.function = OP_LOAD, .a = word}), 2);

    child = fork();
    if (child == 0) {
        execl(argv[0], argv[0], argv[1], "again", (char *)NULL);
        _exit(1);
    }
    CHECK_EQ(finish(child), 21);
    child = vfork();
    if (child == 0) {
        execl(argv[0], argv[0], argv[1], "again", (char *)NULL);
        _exit(1);
    }
    CHECK_EQ(finish(child), 21);

    /* The enclave outlives the process that made it: the grandchild runs the child's. */
    int ends[2];
    char answer = 0;
    CHECK_EQ(pipe(ends), 0);
    child = fork();
    if (child == 0) {
        struct enclave own = enclave_build(argv[1]);
        pid_t middle = getpid();
        if (fork() != 0)
            _exit(22);
        while (getppid() == middle)
            usleep(1000);
        CHECK_EQ(enclave_run(&own, 0, (struct op){.function = OP_NOP}), 0);
        CHECK_EQ(write(ends[1], "y", 1), 1);
        _exit(0);
    }
    CHECK_EQ(finish(child), 22);
    close(ends[1]);
    CHECK_EQ(read(ends[0], &answer, 1), 1);
    CHECK_EQ(answer, 'y');
    return 0;
}

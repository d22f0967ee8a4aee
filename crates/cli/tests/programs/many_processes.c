/* 64 processes at once, again and again, until it were a thousand: each enters the enclave of all, every fourth builds
 * its own, every eighth executes a program, and some die by a signal. */
#include <signal.h>
#include <sys/wait.h>

#include "vdso.h"

#define AT_ONCE 64
#define ROUNDS 16

static struct enclave e;
static char **arguments;

static int work(int number)
{
    struct op op = {.function = OP_NOP, .result = 1};

    if (number % 16 == 15)
        raise(SIGKILL);
    if (number % 8 == 7) {
        execl("/proc/self/exe", "again", arguments[1], "again", (char *)NULL);
        return 1;
    }
    if (number % 4 == 3) {
        struct enclave own = enclave_build(arguments[1]);
        CHECK_EQ(enclave_run(&own, 0, (struct op){.function = OP_LOAD, .a = own.base + DATA}), DATA_WORD);
    }
    /* One TCS has room for one; the others are refused and try again. */
    for (int i = 0; i < 20000; i++) {
        struct sgx_run run = enclave_call(&e, number % THREADS, EENTER, &op);
        if (run.function == EEXIT)
            return op.result == 0 ? 21 : 2;
        CHECK_EQ(run.exception_vector, VECTOR_GP);
        usleep(500);
    }
    return 3;
}

int main(int argc, char **argv)
{
    int status;

    if (argc > 2)
        return 21;
    arguments = argv;
    e = enclave_build(argv[1]);
    for (int round = 0; round < ROUNDS; round++) {
        pid_t children[AT_ONCE];
        for (int i = 0; i < AT_ONCE; i++) {
            children[i] = fork();
            CHECK(children[i] >= 0);
            if (children[i] == 0)
                _exit(work(i));
        }
        for (int i = 0; i < AT_ONCE; i++) {
            CHECK_EQ(waitpid(children[i], &status, 0), children[i]);
            CHECK_EQ(status, i % 16 == 15 ? SIGKILL : 21 << 8);
        }
    }
    return 0;
}

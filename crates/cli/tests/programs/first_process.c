/* The first process of a PID namespace: it has no children that it did not make, takes up orphans, and its children
 * have enclaves. With a second argument it dies: by a fault outside, a fault of ENCLU, or by its own abort. */
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "vdso.h"

static struct enclave e;

static void die(const char *how)
{
    struct rlimit no_core = {0, 0};

    CHECK_EQ(setrlimit(RLIMIT_CORE, &no_core), 0);
    alarm(20);
    if (strcmp(how, "fault") == 0)
        *(volatile int *)8 = 1;
    if (strcmp(how, "undefined") == 0)
        __asm__ volatile("ud2");
    if (strcmp(how, "enclu") == 0)
        __asm__ volatile("mov $2, %%eax; xor %%ebx, %%ebx; .byte 0x0f, 0x01, 0xd7" ::: "rax", "rbx");
    if (strcmp(how, "divide") == 0)
        __asm__ volatile("xor %%ecx, %%ecx; mov $1, %%eax; cltd; idiv %%ecx" ::: "rax", "rcx", "rdx");
    _exit(9);
}

int main(int argc, char **argv)
{
    int status;

    CHECK_EQ(getpid(), 1);
    CHECK_FAILS(waitpid(-1, &status, 0), ECHILD);
    CHECK_FAILS(waitpid(-1, &status, WNOHANG), ECHILD);
    if (argc > 2 && strcmp(argv[2], "early") == 0)
        die(argv[3]);
    e = enclave_build(argv[1]);
    CHECK_EQ(enclave_run(&e, 0, (struct op){.function = OP_LOAD, .a = e.base + DATA}), DATA_WORD);
    if (argc > 2)
        die(argv[2]);

    /* A signal that nobody handles does not end it, nor does one that it sends to itself. */
    CHECK_EQ(kill(getpid(), SIGTERM), 0);
    CHECK_EQ(kill(getpid(), SIGSEGV), 0);
    CHECK_EQ(kill(getpid(), SIGKILL), 0);
    pid_t child = fork();
    if (child == 0) {
        pid_t orphan = fork();
        if (orphan == 0) {
            while (getppid() != 1)
                usleep(1000);
            CHECK_EQ(enclave_run(&e, 1, (struct op){.function = OP_NOP}), 0);
            _exit(6);
        }
        _exit(5);
    }
    int seen = 0;
    for (int i = 0; i < 2; i++) {
        CHECK(wait(&status) > 0);
        CHECK(WIFEXITED(status));
        seen |= WEXITSTATUS(status) == 5 ? 1 : WEXITSTATUS(status) == 6 ? 2 : 4;
    }
    CHECK_EQ(seen, 3);
    CHECK_FAILS(wait(&status), ECHILD);
    return 0;
}

/* A signal with a handler and nowhere to put its frame: SIGSEGV, whether that has a handler or not. The
 * signal's number is the second argument; with a third one SIGSEGV has a handler too. */
#include <signal.h>

#include "vdso.h"

static void handler(int signal)
{
    (void)signal;
}

int main(int argc, char **argv)
{
    CHECK(argc > 2);
    struct enclave e = enclave_build(argv[1]);
    int number = atoi(argv[2]);

    signal(number, handler);
    if (argc > 3)
        signal(SIGSEGV, handler);
    CHECK_EQ(enclave_run(&e, 0, (struct op){.function = OP_LOAD, .a = e.base + DATA}), DATA_WORD);
    /* kill(getpid(), number) */
    __asm__ volatile("mov $0x10, %%rsp\n"
                     "mov $39, %%eax\n syscall\n"
                     "mov %%eax, %%edi\n mov $62, %%eax\n mov %0, %%esi\n syscall\n"
                     "movq $0, 8\n"
                     :
                     : "b"(number)
                     : "rax", "rcx", "rdi", "rsi", "r11", "memory");
    return 7;
}

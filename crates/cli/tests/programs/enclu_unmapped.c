/* EENTER in a process that has mapped no enclave is a fault like any other: with SIGSEGV blocked or ignored
 * the process dies of it, and does not execute the instruction for ever. argv[2] says which. */
#include <signal.h>
#include <stddef.h>
#include <string.h>

int main(int argc, char **argv)
{
    if (argc < 3)
        return 2;
    if (strcmp(argv[2], "blocked") == 0) {
        sigset_t set;
        sigemptyset(&set);
        sigaddset(&set, SIGSEGV);
        sigprocmask(SIG_BLOCK, &set, NULL);
    } else {
        signal(SIGSEGV, SIG_IGN);
    }
    __asm__ volatile("enclu" : : "a"(2), "b"(0x1234), "c"(0));
    return 1;
}

/* RAX inside holds what the kernel takes for a system call to restart, and interrupts come: it stays. */
#include <pthread.h>
#include <signal.h>

#include "inside.h"

#define ROUNDS 40

static struct enclave e;
static volatile uint32_t started, stop;
static volatile int handled;

static void handler(int signal)
{
    (void)signal;
    handled++;
}

static void *hold(void *code)
{
    struct op op = {.function = OP_HOLD, .a = (uint64_t)&started, .b = (uint64_t)&stop,
                    .c = (uint64_t)code};

    CHECK_EQ(enclave_run(&e, 0, op), 0);
    return NULL;
}

int main(int argc, char **argv)
{
    (void)argc;
    static const long codes[] = {-512, -513, -514, -516};
    pthread_t thread;

    e = enclave_build(argv[1]);
    for (unsigned i = 0; i < 2 * sizeof(codes) / sizeof(*codes); i++) {
        struct sigaction action = {.sa_handler = handler, .sa_flags = i & 1 ? SA_RESTART : 0};
        CHECK_EQ(sigaction(SIGUSR1, &action, NULL), 0);
        started = stop = 0;
        handled = 0;
        CHECK_EQ(pthread_create(&thread, NULL, hold, (void *)codes[i / 2]), 0);
        wait_for(&started);
        for (int round = 0; round < ROUNDS; round++) {
            int before = handled;
            CHECK_EQ(pthread_kill(thread, SIGUSR1), 0);
            for (int ms = 0; ms < 10000 && handled == before; ms++)
                pause_ms(1);
            CHECK(handled > before);
        }
        stop = 1;
        CHECK_EQ(pthread_join(thread, NULL), 0);
    }
    return 0;
}

/* Masks are per thread: one with everything blocked and one with handlers use the enclave at the
 * same time. */
#include <pthread.h>

#include "dispositions.h"

static struct enclave e;

static void handler(int signal)
{
    (void)signal;
    CHECK(0);
}

static void *blocked_thread(void *number)
{
    set_blocked(~0UL);
    check_undisturbed(&e, (int)(long)number, 20);
    return NULL;
}

int main(int argc, char **argv)
{
    (void)argc;
    pthread_t threads[2];

    e = build_with_hole(argv[1]);
    for (int i = 0; i < FIVE; i++)
        signal(five[i], handler);
    for (long i = 0; i < 2; i++)
        CHECK_EQ(pthread_create(&threads[i], NULL, blocked_thread, (void *)(i + 1)), 0);
    check_undisturbed(&e, 0, 20);
    for (int i = 0; i < 2; i++)
        CHECK_EQ(pthread_join(threads[i], NULL), 0);
    return 0;
}

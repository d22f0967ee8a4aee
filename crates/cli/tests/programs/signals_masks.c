/* A thread that changes its mask between two uses of the enclave gets back the mask it has set last, whatever
 * threads there are beside it that do not use the enclave. */
#include <pthread.h>

#include "dispositions.h"

static void *wait_for_the_end(void *ends)
{
    char byte;

    CHECK_EQ(read(*(int *)ends, &byte, 1), 0);
    return NULL;
}

static void handler(int signal)
{
    (void)signal;
    CHECK(0);
}

int main(int argc, char **argv)
{
    (void)argc;
    pthread_t threads[3];
    int ends[2];
    struct enclave e = build_with_hole(argv[1]);

    CHECK_EQ(pipe(ends), 0);
    for (int i = 0; i < 3; i++) {
        set_blocked(i == 1 ? ~0UL : 0);
        CHECK_EQ(pthread_create(&threads[i], NULL, wait_for_the_end, &ends[0]), 0);
    }
    for (int handled = 0; handled < 2; handled++) {
        for (uint64_t some = 0; some < 1 << FIVE; some++) {
            uint64_t mask = some << 20;
            for (int i = 0; i < FIVE; i++)
                mask |= (some >> i & 1) << (five[i] - 1);
            set_blocked(mask);
            check_undisturbed(&e, 0, 1);
        }
        set_blocked(0);
        for (int i = 0; i < FIVE; i++)
            signal(five[i], handler);
    }
    close(ends[1]);
    for (int i = 0; i < 3; i++)
        CHECK_EQ(pthread_join(threads[i], NULL), 0);
    return 0;
}

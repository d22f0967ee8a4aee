/* execve by a thread that is not the leader: the new program is whole and has its own enclave. */
#include <pthread.h>

#include "vdso.h"

static char *image, *self;

static void *replace(void *unused)
{
    execl(self, self, image, "again", (char *)NULL);
    exit(1);
    return unused;
}

int main(int argc, char **argv)
{
    struct enclave e = enclave_build(argv[1]);
    pthread_t thread;

    CHECK_EQ(enclave_run(&e, 0, (struct op){.function = OP_NOP}), 0);
    if (argc > 2)
        return 0;
    self = argv[0];
    image = argv[1];
    CHECK_EQ(pthread_create(&thread, NULL, replace, NULL), 0);
    pthread_join(thread, NULL);
    return 1;
}

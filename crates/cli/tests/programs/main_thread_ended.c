/* A process whose first thread has ended is a process all the same. */
#include <pthread.h>
#include <stdlib.h>

#include "vdso.h"

static pthread_t first;

static void *go_on(void *image)
{
    CHECK_EQ(pthread_join(first, NULL), 0);
    struct enclave e = enclave_build(image);
    struct stat st;

    CHECK_EQ(fstat(e.fd, &st), 0);
    CHECK(S_ISCHR(st.st_mode));
    CHECK_EQ(enclave_run(&e, 0, (struct op){.function = OP_NOP}), 0);
    exit(0);
}

int main(int argc, char **argv)
{
    pthread_t other;

    CHECK(argc > 1);
    first = pthread_self();
    CHECK_EQ(pthread_create(&other, NULL, go_on, argv[1]), 0);
    pthread_exit(NULL);
}

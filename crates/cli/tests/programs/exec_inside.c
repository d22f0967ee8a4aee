/* execve while other threads are inside the enclave, by the leader and by another thread, and from a
 * vfork child: the new program is whole, has the same process id, and its own enclave. */
#include <pthread.h>

#include "inside.h"

static char *image, *self, pid[16];
static struct enclave e;
static volatile uint32_t started[2], never;

static void *inside(void *number)
{
    long n = (long)number;
    struct op op = {.function = OP_SPIN, .a = (uint64_t)&started[n - 1], .b = (uint64_t)&never};

    enclave_call(&e, (int)n, EENTER, &op);
    exit(1);
    return NULL;
}

static void *replace(void *next)
{
    sprintf(pid, "%d", getpid());
    execl(self, self, image, next, pid, (char *)NULL);
    exit(1);
    return NULL;
}

int main(int argc, char **argv)
{
    const char *stage = argc > 2 ? argv[2] : "leader";
    pthread_t thread;

    self = argv[0];
    image = argv[1];
    if (argc > 3)
        CHECK_EQ(atoi(argv[3]), getpid());
    e = enclave_build(image);
    CHECK_EQ(enclave_run(&e, 0, (struct op){.function = OP_NOP}), 0);
    if (strcmp(stage, "end") == 0)
        return 21;
    for (long i = 1; i <= 2; i++) {
        CHECK_EQ(pthread_create(&thread, NULL, inside, (void *)i), 0);
        wait_for(&started[i - 1]);
    }
    if (strcmp(stage, "leader") == 0)
        replace("other");
    if (strcmp(stage, "other") == 0) {
        CHECK_EQ(pthread_create(&thread, NULL, replace, "child"), 0);
        pthread_join(thread, NULL);
        return 1;
    }
    int status;
    pid_t child = vfork();
    if (child == 0) {
        execl(self, self, image, "end", (char *)NULL);
        _exit(1);
    }
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK(WIFEXITED(status));
    CHECK_EQ(WEXITSTATUS(status), 21);
    return 0;
}

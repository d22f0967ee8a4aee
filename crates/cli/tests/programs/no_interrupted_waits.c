/* A thread that waits in the kernel is not disturbed by what other threads do with enclaves, nor by
 * signals that are ignored: nothing that it calls ends with EINTR. */
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

#include "inside.h"

static volatile uint32_t done;

static void *wait_for_event(void *fd)
{
    int epoll = epoll_create1(0);
    struct epoll_event event = {.events = EPOLLIN};

    CHECK_EQ(epoll_ctl(epoll, EPOLL_CTL_ADD, *(int *)fd, &event), 0);
    CHECK_EQ(epoll_wait(epoll, &event, 1, 60000), 1);
    CHECK(done);
    return NULL;
}

static void *sleep_long(void *unused)
{
    while (!done) {
        struct timespec time = {0, 100000000};
        CHECK_EQ(nanosleep(&time, NULL), 0);
    }
    return unused;
}

int main(int argc, char **argv)
{
    (void)argc;
    int fd = eventfd(0, 0), status;
    uint64_t one = 1;
    pthread_t threads[2];

    CHECK_EQ(pthread_create(&threads[0], NULL, wait_for_event, &fd), 0);
    CHECK_EQ(pthread_create(&threads[1], NULL, sleep_long, NULL), 0);
    CHECK(signal(SIGURG, SIG_IGN) != SIG_ERR);
    for (int round = 0; round < 4; round++) {
        struct enclave e = enclave_build(argv[1]);
        CHECK_EQ(enclave_run(&e, 0, (struct op){.function = OP_NOP}), 0);
        struct op op = {.function = OP_UNDEFINED};
        CHECK_EXCEPTION(enclave_call(&e, 0, EENTER, &op), VECTOR_UD, 0, 0);
        struct shared *shared = shared_memory();
        pid_t child = fork_inside(&e, shared);
        shared->stop = 1;
        CHECK_EQ(waitpid(child, &status, 0), child);
        /* Signals that nobody sees: ignored, by the program's wish or by default. */
        for (int i = 0; i < 20; i++) {
            CHECK_EQ(pthread_kill(threads[0], i & 1 ? SIGURG : SIGCHLD), 0);
            CHECK_EQ(pthread_kill(threads[1], i & 1 ? SIGURG : SIGWINCH), 0);
        }
        CHECK_EQ(munmap((void *)e.base, e.size), 0);
        CHECK_EQ(close(e.fd), 0);
    }
    done = 1;
    CHECK_EQ(write(fd, &one, sizeof(one)), sizeof(one));
    CHECK_EQ(pthread_join(threads[0], NULL), 0);
    CHECK_EQ(pthread_join(threads[1], NULL), 0);
    return 0;
}

/* Signals that are ignored by default do not interrupt: ADD_PAGES goes on to its end. */
#include <pthread.h>
#include <signal.h>

#include "raw_ioctl.h"

#define SIZE (1UL << 23)

static volatile int stop;

static void *send_signals(void *unused)
{
    static const int ignored[] = {SIGWINCH, SIGURG, SIGCHLD, SIGCONT};

    for (unsigned i = 0; !stop; i++) {
        kill(getpid(), ignored[i % 4]);
        usleep(200);
    }
    return unused;
}

int main(int argc, char **argv)
{
    (void)argc;
    struct enclave e = enclave_open(argv[1]);
    struct secs secs = enclave_secs(&e);
    struct secinfo secinfo = {.flags = SECINFO_REG | SECINFO_R | SECINFO_W};
    pthread_t sender;
    sigset_t ignored;

    secs.size = SIZE;
    secs.base = 8 * SIZE;
    CHECK_EQ(enclave_create(&e, &secs), 0);
    void *pages = mmap(NULL, SIZE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(pages != MAP_FAILED);
    struct add_pages add = {
        .src = (uint64_t)pages, .length = SIZE, .secinfo = (uint64_t)&secinfo};

    /* Only this thread takes them. */
    sigfillset(&ignored);
    CHECK_EQ(pthread_sigmask(SIG_BLOCK, &ignored, NULL), 0);
    CHECK_EQ(pthread_create(&sender, NULL, send_signals, NULL), 0);
    CHECK_EQ(pthread_sigmask(SIG_UNBLOCK, &ignored, NULL), 0);
    CHECK_EQ(ioctl(e.fd, IOC_ADD_PAGES, &add), 0);
    stop = 1;
    CHECK_EQ(pthread_join(sender, NULL), 0);
    CHECK_EQ(add.count, SIZE);
    return 0;
}

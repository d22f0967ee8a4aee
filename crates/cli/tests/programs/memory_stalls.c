/* Memory that does not come: system calls that read it wait, and nobody else does. The pages are a userfaultfd's whose
 * handler, this program, takes its time. Where the host grants none that holds up the kernel, a program cannot make
 * anybody wait either. */
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include "raw_ioctl.h"

/* More than any number of threads that a machine begins with. */
#define STALLS 12

static uint8_t *pages;
static struct enclave e[STALLS];
static int results[STALLS];
static struct add_pages adds[STALLS];
static const struct secinfo info = {.flags = SECINFO_REG | SECINFO_R};

static struct add_pages one_page(const void *source)
{
    struct add_pages add = {
        .src = (uint64_t)source, .offset = DATA, .length = PAGE, .secinfo = (uint64_t)&info};
    return add;
}

/* Every third opens a path that does not come, the others add a page that does not. */
static void *stall(void *number)
{
    long i = (long)number;

    if (i % 3 == 2) {
        results[i] = open((char *)pages + i * PAGE, O_RDONLY) == -1 ? errno : -1;
    } else {
        adds[i] = one_page(pages + i * PAGE);
        results[i] = ioctl(e[i].fd, IOC_ADD_PAGES, &adds[i]);
    }
    return NULL;
}

static int userfault(void)
{
    int fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
    struct uffdio_api api = {.api = UFFD_API};

    if (fd >= 0)
        CHECK_EQ(ioctl(fd, UFFDIO_API, &api), 0);
    return fd;
}

/* How many faults wait to be handled, without handling them. */
static void wait_for_faults(int fd, int count)
{
    while (count > 0) {
        struct pollfd ready = {.fd = fd, .events = POLLIN};
        struct uffd_msg message;
        CHECK_EQ(poll(&ready, 1, 60000), 1);
        if (read(fd, &message, sizeof message) == sizeof message) {
            CHECK_EQ(message.event, UFFD_EVENT_PAGEFAULT);
            count--;
        }
    }
}

int main(int argc, char **argv)
{
    pthread_t threads[STALLS];
    int fd = userfault();

    (void)argc;
    if (fd < 0) {
        CHECK(errno == EPERM || errno == ENOSYS);
        return 0;
    }
    pages = mmap(NULL, STALLS * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(pages != MAP_FAILED);
    struct uffdio_register range = {
        .range = {(uint64_t)pages, STALLS * PAGE}, .mode = UFFDIO_REGISTER_MODE_MISSING};
    CHECK_EQ(ioctl(fd, UFFDIO_REGISTER, &range), 0);

    for (long i = 0; i < STALLS; i++) {
        e[i] = enclave_created(argv[1]);
        CHECK_EQ(pthread_create(&threads[i], NULL, stall, (void *)i), 0);
    }
    wait_for_faults(fd, STALLS);

    /* All of them wait. Everything else goes on: paths, other enclaves; only a stalled one is busy. */
    struct stat status;
    uint8_t source[PAGE] __attribute__((aligned(4096))) = {1};
    struct enclave other = enclave_created(argv[1]);
    struct add_pages add = one_page(source);
    CHECK_EQ(ioctl(other.fd, IOC_ADD_PAGES, &add), 0);
    CHECK_EQ(add.count, PAGE);
    CHECK_EQ(stat(ENCLAVE_NODE, &status), 0);
    CHECK_FAILS(ioctl(e[0].fd, IOC_ADD_PAGES, &add), EBUSY);

    struct uffdio_zeropage zero = {.range = range.range};
    CHECK_EQ(ioctl(fd, UFFDIO_ZEROPAGE, &zero), 0);
    for (int i = 0; i < STALLS; i++) {
        CHECK_EQ(pthread_join(threads[i], NULL), 0);
        CHECK_EQ(results[i], i % 3 == 2 ? ENOENT : 0);
        CHECK_EQ(adds[i].count, i % 3 == 2 ? 0 : PAGE);
    }
    return 0;
}

/* A timer whose handler runs all the time, with and without SA_RESTART, while an enclave is built:
 * every call has its effect exactly once, or none and EINTR. */
#include <signal.h>
#include <sys/time.h>

#include "vdso.h"

static volatile unsigned alarms;

static void handler(int signal)
{
    (void)signal;
    alarms++;
}

/* Repeats a call that was interrupted before it did anything. */
#define REPEAT(call)                                                                         \
    ({                                                                                       \
        long repeated_;                                                                      \
        do                                                                                   \
            repeated_ = (call);                                                              \
        while (repeated_ == -1 && errno == EINTR);                                           \
        repeated_;                                                                           \
    })

/* All pages in as few calls as the driver takes, as loaders do: `count` says how far it came. */
static void add_all(const struct enclave *e)
{
    for (uint64_t i = 0, next; i < e->image->pages; i = next) {
        const struct image_page *first = &e->pages[i];
        for (next = i + 1; next < e->image->pages; next++)
            if (e->pages[next].secinfo != first->secinfo ||
                e->pages[next].measured != first->measured ||
                e->pages[next].offset != first->offset + (next - i) * PAGE)
                break;
        uint64_t length = (next - i) * PAGE;
        uint8_t *source = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        CHECK(source != MAP_FAILED);
        for (uint64_t n = i; n < next; n++)
            memcpy(source + (n - i) * PAGE, e->pages[n].bytes, PAGE);
        struct secinfo secinfo = {.flags = first->secinfo};
        for (uint64_t done = 0; done < length;) {
            struct add_pages add = {.src = (uint64_t)source + done,
                                    .offset = first->offset + done,
                                    .length = length - done,
                                    .secinfo = (uint64_t)&secinfo,
                                    .flags = first->measured ? SGX_PAGE_MEASURE : 0};
            int result = ioctl(e->fd, IOC_ADD_PAGES, &add);
            if (result == -1)
                CHECK_EQ(errno, EINTR);
            CHECK(add.count % PAGE == 0 && add.count <= length - done);
            done += add.count;
        }
        munmap(source, length);
    }
}

int main(int argc, char **argv)
{
    (void)argc;
    struct itimerval often = {{0, 300}, {0, 300}}, off = {{0, 0}, {0, 0}};
    char node[] = ENCLAVE_NODE;

    for (int round = 0; round < 16; round++) {
        struct sigaction action = {.sa_handler = handler, .sa_flags = round & 1 ? SA_RESTART : 0};
        CHECK_EQ(sigaction(SIGALRM, &action, NULL), 0);
        struct enclave e = enclave_load(argv[1]);
        struct secs secs = enclave_secs(&e);

        CHECK_EQ(setitimer(ITIMER_REAL, &often, NULL), 0);
        e.fd = (int)REPEAT(open(node, O_RDWR | O_CLOEXEC));
        CHECK(e.fd >= 0);
        CHECK_EQ(REPEAT(enclave_create(&e, &secs)), 0);
        add_all(&e);
        CHECK_EQ(REPEAT(enclave_init(&e)), 0);
        enclave_map(&e);
        CHECK_EQ(enclave_run(&e, 0, (struct op){.function = OP_LOAD, .a = e.base + DATA}), DATA_WORD);
        CHECK_EQ(setitimer(ITIMER_REAL, &off, NULL), 0);
        CHECK_EQ(munmap((void *)e.base, e.size), 0);
        CHECK_EQ(close(e.fd), 0);
        /* No descriptor was opened twice. */
        int next = open("/dev/null", O_RDONLY);
        CHECK_EQ(next, e.fd);
        CHECK_EQ(close(next), 0);
    }
    CHECK(alarms > 0);
    return 0;
}

/* A loader in its rhythm, page after page, of which much is known by then. Whatever it changes counts for its next page
 * nevertheless: what the descriptor stands for, where the argument lies, where the source does. */
#include <linux/io_uring.h>
#include <pthread.h>
#include <sched.h>
#include <sys/syscall.h>
#include "children.h"
#include "raw_ioctl.h"

#define SIZE (1UL << 21)
#define PAGES 320

static struct enclave image;
static uint8_t sources[PAGES * PAGE] __attribute__((aligned(4096)));
static const struct secinfo info = {.flags = SECINFO_REG | SECINFO_R};

/* An enclave with room. */
static struct enclave wide(void)
{
    struct enclave e = image;
    uint8_t *area = mmap(NULL, 2 * SIZE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    CHECK(area != MAP_FAILED);
    e.base = ((uint64_t)area + SIZE - 1) & ~(SIZE - 1);
    e.size = SIZE;
    e.fd = open(ENCLAVE_NODE, O_RDWR | O_CLOEXEC);
    CHECK(e.fd >= 0);
    struct secs secs = enclave_secs(&e);
    CHECK_EQ(enclave_create(&e, &secs), 0);
    return e;
}

/* Adds a page in the one place of the program that does so, with an argument that is where it always is. */
static __attribute__((noinline)) int add(int fd, struct add_pages *argument, const void *source, uint64_t page)
{
    *argument = (struct add_pages){
        .src = (uint64_t)source, .offset = page * PAGE, .length = PAGE, .secinfo = (uint64_t)&info};
    return ioctl(fd, IOC_ADD_PAGES, argument);
}

static struct add_pages *argument;

/* So many pages that everything is known. The next one is number PAGES. */
static void rhythm(const struct enclave *e)
{
    for (uint64_t i = 0; i < PAGES; i++) {
        CHECK_EQ(add(e->fd, argument, sources + i * PAGE, i), 0);
        CHECK_EQ(argument->count, PAGE);
    }
}

static int next(const struct enclave *e)
{
    return add(e->fd, argument, sources, PAGES);
}

/* Its enclave stays when the descriptor goes. */
static struct enclave in_rhythm(void)
{
    struct enclave e = wide();

    CHECK(fcntl(e.fd, F_DUPFD_CLOEXEC, 100) >= 100);
    rhythm(&e);
    return e;
}

static void other_descriptors(void)
{
    struct enclave other = wide(), e = in_rhythm();
    int null = open("/dev/null", O_RDWR);

    check_context = "dup2";
    int kept = dup(e.fd);
    CHECK_EQ(dup2(other.fd, e.fd), e.fd);
    CHECK_EQ(add(e.fd, argument, sources, 0), 0); /* the page that the first one has already */
    CHECK_FAILS(add(e.fd, argument, sources, 0), EBUSY);
    CHECK_EQ(dup3(kept, e.fd, O_CLOEXEC), e.fd);
    CHECK_FAILS(add(e.fd, argument, sources, 1), EBUSY);
    CHECK_EQ(add(other.fd, argument, sources, 1), 0);

    check_context = "dup3";
    e = in_rhythm();
    CHECK_EQ(dup3(null, e.fd, O_CLOEXEC), e.fd);
    CHECK_FAILS(next(&e), ENOTTY);

    check_context = "close";
    e = in_rhythm();
    int number = e.fd;
    CHECK_EQ(close(e.fd), 0);
    CHECK_FAILS(next(&e), EBADF);
    e = in_rhythm();
    CHECK_EQ(e.fd, number);
    CHECK_EQ(close(e.fd), 0);
    CHECK_EQ(open(ENCLAVE_NODE, O_RDWR), number);
    CHECK_FAILS(next(&e), EINVAL); /* not created */
    CHECK_EQ(close(e.fd), 0);

    check_context = "close_range";
    e = in_rhythm();
    CHECK_EQ(syscall(SYS_close_range, 3, 99, 0), 0);
    CHECK_FAILS(next(&e), EBADF);
}

static void *closes(void *fd)
{
    CHECK_EQ(close(*(int *)fd), 0);
    return NULL;
}

static void a_thread_closes(void)
{
    struct enclave e = in_rhythm();
    pthread_t thread;

    check_context = "a thread";
    CHECK_EQ(pthread_create(&thread, NULL, closes, &e.fd), 0);
    CHECK_EQ(pthread_join(thread, NULL), 0);
    CHECK_FAILS(next(&e), EBADF);
}

static void a_child_closes(void)
{
    struct enclave e = in_rhythm();

    check_context = "a child with a table of its own";
    long child = fork();
    if (child == 0) {
        CHECK_EQ(next(&e), 0);
        CHECK_EQ(close(e.fd), 0);
        CHECK_FAILS(next(&e), EBADF);
        exit(0);
    }
    CHECK_EQ(finish((pid_t)child), 0);
    CHECK_FAILS(next(&e), EBUSY);
    CHECK_EQ(add(e.fd, argument, sources, PAGES + 1), 0);

    check_context = "a child with the same table";
    child = syscall(SYS_clone, CLONE_FILES | SIGCHLD, NULL, NULL, NULL, NULL);
    if (child == 0) {
        syscall(SYS_close, e.fd);
        syscall(SYS_exit, 0);
    }
    CHECK_EQ(finish((pid_t)child), 0);
    CHECK_FAILS(next(&e), EBADF);
}

/* A child loads by the descriptor that it has from its parent, and then by one of its own. */
static void a_child_loads(void)
{
    struct enclave e = wide();

    check_context = "a child that loads";
    pid_t child = fork();
    if (child == 0) {
        rhythm(&e);
        struct enclave own = in_rhythm();
        CHECK_EQ(close(own.fd), 0);
        CHECK_EQ(open(ENCLAVE_NODE, O_RDWR), own.fd);
        CHECK_FAILS(next(&own), EINVAL); /* not created */
        CHECK_EQ(dup2(own.fd, e.fd), e.fd);
        CHECK_FAILS(next(&e), EINVAL);
        exit(0);
    }
    CHECK_EQ(finish(child), 0);
    CHECK_EQ(next(&e), 0);
}

/* Closes a descriptor by a ring. False where the host has none for us. */
static int ring_closes(int fd)
{
    struct io_uring_params params = {0};
    int ring = (int)syscall(SYS_io_uring_setup, 4, &params);

    if (ring < 0)
        return 0;
    CHECK(params.features & IORING_FEAT_SINGLE_MMAP);
    size_t bytes = params.cq_off.cqes + params.cq_entries * sizeof(struct io_uring_cqe);
    size_t submissions = params.sq_off.array + params.sq_entries * sizeof(unsigned);
    bytes = bytes > submissions ? bytes : submissions;
    uint8_t *rings = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, ring, IORING_OFF_SQ_RING);
    struct io_uring_sqe *entry = mmap(NULL, params.sq_entries * sizeof *entry, PROT_READ | PROT_WRITE,
                                      MAP_SHARED, ring, IORING_OFF_SQES);
    CHECK(rings != MAP_FAILED && entry != MAP_FAILED);
    *entry = (struct io_uring_sqe){.opcode = IORING_OP_CLOSE, .fd = fd};
    *(unsigned *)(rings + params.sq_off.array) = 0;
    *(volatile unsigned *)(rings + params.sq_off.tail) = 1;
    CHECK_EQ(syscall(SYS_io_uring_enter, ring, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0), 1);
    struct io_uring_cqe *done = (void *)(rings + params.cq_off.cqes);
    CHECK_EQ(done->res, 0);
    CHECK_EQ(close(ring), 0);
    return 1;
}

static void a_ring_closes(void)
{
    check_context = "a ring";
    struct enclave e = in_rhythm();
    if (ring_closes(e.fd))
        CHECK_FAILS(next(&e), EBADF);
}

static void other_arguments(void)
{
    struct enclave e = in_rhythm();

    check_context = "the argument";
    *argument = (struct add_pages){
        .src = (uint64_t)sources, .offset = PAGES * PAGE, .length = PAGE, .secinfo = (uint64_t)&info};
    CHECK_EQ(mprotect(argument, PAGE, PROT_READ), 0);
    CHECK_FAILS(ioctl(e.fd, IOC_ADD_PAGES, argument), EFAULT); /* the page is there, its count is not */
    CHECK_EQ(argument->count, 0);
    CHECK_EQ(mprotect(argument, PAGE, PROT_READ | PROT_WRITE), 0);
    CHECK_FAILS(next(&e), EBUSY);

    e = in_rhythm();
    struct add_pages last = *argument;
    void *place = argument;
    CHECK_EQ(munmap(place, PAGE), 0);
    CHECK_FAILS(ioctl(e.fd, IOC_ADD_PAGES, place), EFAULT);
    CHECK(mmap(place, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == place);
    *argument = last;
    CHECK_FAILS(ioctl(e.fd, IOC_ADD_PAGES, place), EBUSY);

    check_context = "the heap";
    e = wide();
    struct add_pages *kept = argument;
    argument = malloc(sizeof *argument);
    CHECK(argument != NULL);
    rhythm(&e);
    CHECK_EQ(next(&e), 0);
    free(argument);
    argument = kept;
}

static void other_sources(void)
{
    struct enclave e = in_rhythm();

    check_context = "the source";
    CHECK_EQ(mprotect(sources, PAGE, PROT_NONE), 0);
    CHECK_FAILS(next(&e), EFAULT);
    CHECK_EQ(argument->count, 0);
    CHECK_EQ(mprotect(sources, PAGE, PROT_READ), 0);
    CHECK_EQ(next(&e), 0);

    CHECK_EQ(mprotect(sources, PAGE, PROT_READ | PROT_WRITE), 0);
    e = wide();
    uint8_t *two = mmap(NULL, 2 * PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(two != MAP_FAILED);
    for (uint64_t i = 0; i < PAGES; i++)
        CHECK_EQ(add(e.fd, argument, two, i), 0);
    CHECK_EQ(munmap(two, PAGE), 0);
    CHECK_FAILS(add(e.fd, argument, two, PAGES), EFAULT);
    /* A page of the enclave itself is no source. */
    CHECK(mmap((void *)e.base, PAGE, PROT_READ, MAP_SHARED | MAP_FIXED, e.fd, 0) == (void *)e.base);
    CHECK(mremap((void *)e.base, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, two) == two);
    CHECK_FAILS(add(e.fd, argument, two, PAGES), EFAULT);
}

int main(int argc, char **argv)
{
    (void)argc;
    image = enclave_load(argv[1]);
    argument = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(argument != MAP_FAILED);
    /* Each in a process of its own, of which nothing is known but what it does itself. */
    void (*const cases[])(void) = {other_descriptors, a_thread_closes, a_child_closes, a_child_loads, a_ring_closes,
                                   other_arguments, other_sources};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        pid_t child = fork();
        if (child == 0) {
            cases[i]();
            exit(0);
        }
        CHECK_EQ(finish(child), 0);
    }
    return 0;
}

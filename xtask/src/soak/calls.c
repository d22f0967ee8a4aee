/* Calls the enclave driver with numbers of which few make sense, and executes ENCLU with such numbers in its
 * registers. Nobody expects an answer; the machine must be there afterwards.
 *
 *   calls SEED COUNT */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE 4096UL
#define PAGES 8
#define NODES 6

static uint64_t state;
static uint8_t *memory, *area;
static int nodes[NODES];
static sigjmp_buf back;

static uint64_t any(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    return state ^= state << 17;
}

static uint64_t below(uint64_t end)
{
    return any() % end;
}

static uint64_t number(void)
{
    switch (below(8)) {
    case 0: return any();
    case 1: return below(9) * PAGE;
    case 2: return (uint64_t)area + below(PAGES) * PAGE;
    case 3: return (uint64_t)memory + below(PAGES) * PAGE;
    case 4: return (uint64_t)memory + below(PAGES * PAGE);
    case 5: return 1UL << below(64);
    case 6: return -below(9);
    default: return below(9);
    }
}

/* A SECS, a SECINFO or a struct of an ioctl that is nearly right. */
static uint64_t structure(void)
{
    uint64_t *words = (uint64_t *)(memory + below(PAGES) * PAGE);

    memset(words, 0, PAGE);
    switch (below(3)) {
    case 0:
        words[0] = PAGES * PAGE;
        words[1] = (uint64_t)area;
        words[2] = 1;
        words[6] = 4;
        words[7] = 3;
        break;
    case 1:
        words[0] = below(2) ? 0x203 : below(0x800);
        break;
    default:
        for (int i = 0; i < 6; i++)
            words[i] = number();
    }
    if (below(4) == 0)
        words[below(64)] = number();
    return (uint64_t)words;
}

static void call(int fd)
{
    static const unsigned long commands[] = {0x4008a400, 0xc030a401, 0x4008a402, 0x4008a403, 0xc028a406};
    unsigned long command = below(9) ? commands[below(5)] : 0xa400 | any() << 32 >> 32;
    uint64_t words[6];

    for (int i = 0; i < 6; i++)
        words[i] = below(3) ? structure() : number();
    if (command == commands[1] && below(2)) {
        words[1] = below(PAGES) * PAGE;
        words[2] = below(PAGES) * PAGE;
        words[4] = below(3);
    }
    ioctl(fd, command, below(9) ? (uint64_t)words : number());
}

static void map(int fd)
{
    uint8_t *at = area + below(PAGES) * PAGE;
    size_t length = (1 + below(3)) * PAGE;
    int flags = below(5) ? MAP_SHARED : MAP_PRIVATE;

    if (at + length > area + PAGES * PAGE)
        length = PAGE;
    switch (below(6)) {
    case 0:
        mmap(at, length, (int)below(8), MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
        break;
    case 1: mprotect(at, length, (int)below(8)); break;
    case 2: madvise(at, length, (int)below(24)); break;
    case 3: mremap(at, length, below(3) * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, area); break;
    default: mmap(at, length, (int)below(8), flags | MAP_FIXED, fd, (off_t)(below(4) * PAGE));
    }
}

static void handler(int signal)
{
    siglongjmp(back, signal);
}

static __attribute__((noinline)) void enclu(uint64_t rax, uint64_t rbx, uint64_t rcx, uint64_t rdx)
{
    asm volatile(".byte 0x0f, 0x01, 0xd7" : "+a"(rax), "+b"(rbx), "+c"(rcx), "+d"(rdx)::"memory", "cc");
}

static void leaf(void)
{
    if (sigsetjmp(back, 1) == 0)
        enclu(below(8), number(), number(), number());
}

static void touch(void)
{
    volatile uint8_t *byte = area + below(PAGES * PAGE);

    if (sigsetjmp(back, 1) == 0) {
        if (below(2))
            *byte = 1;
        else
            (void)*byte;
    }
}

static void child(void)
{
    pid_t pid = fork();

    if (pid == 0) {
        for (int i = 0; i < 20; i++) {
            call(nodes[below(NODES)]);
            map(nodes[below(NODES)]);
            touch();
        }
        _exit(0);
    }
    if (pid > 0)
        waitpid(pid, NULL, 0);
}

static void reopen(int *fd)
{
    static const char *const names[] = {"/dev/sgx_enclave", "/dev/sgx/enclave", "/dev/sgx_provision"};
    struct stat status;

    close(*fd);
    *fd = open(names[below(3)], below(9) ? O_RDWR : (int)below(1 << 20));
    fstat(*fd, &status);
    stat(names[below(3)], &status);
}

int main(int argc, char **argv)
{
    static const int signals[] = {SIGILL, SIGSEGV, SIGBUS, SIGTRAP, SIGFPE};
    struct sigaction action = {.sa_handler = handler, .sa_flags = SA_ONSTACK};
    stack_t stack = {.ss_sp = malloc(1 << 16), .ss_size = 1 << 16};

    if (argc != 3)
        return 2;
    state = strtoull(argv[1], NULL, 0) | 1;
    memory = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    area = mmap(NULL, 2 * PAGES * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    area += -(uintptr_t)area % (PAGES * PAGE);
    sigaltstack(&stack, NULL);
    for (unsigned i = 0; i < sizeof signals / sizeof *signals; i++)
        sigaction(signals[i], &action, NULL);
    for (int i = 0; i < NODES; i++)
        nodes[i] = open("/dev/sgx_enclave", O_RDWR);
    for (long left = strtol(argv[2], NULL, 0); left > 0; left--) {
        int *fd = &nodes[below(NODES)];
        switch (below(256)) {
        case 0 ... 127: call(*fd); break;
        case 128 ... 191: map(*fd); break;
        case 192 ... 223: touch(); break;
        case 224 ... 247: leaf(); break;
        case 248 ... 253: reopen(fd); break;
        default: child();
        }
    }
    /* It is still a machine: a fresh file takes a command and says what is wrong with it. */
    int fd = open("/dev/sgx_enclave", O_RDWR);
    if (fd < 0 || ioctl(fd, 0x4008a402, 0) != -1 || errno == ENOTTY) {
        perror("/dev/sgx_enclave");
        return 1;
    }
    return 0;
}

/* Finds __vdso_sgx_enter_enclave as the C library would: DT_HASH of the image at
 * AT_SYSINFO_EHDR. And calls it. */
#ifndef VDSO_H
#define VDSO_H

#include <elf.h>
#include <sys/auxv.h>

#include "enclave.h"

struct vdso {
    uint8_t *base;
    const Elf64_Sym *symbols;
    const char *strings;
    const uint32_t *hash;
    const uint32_t *gnu_hash;
    const uint16_t *versions;
    const Elf64_Verdef *verdef;
};

static inline struct vdso vdso_open(void)
{
    struct vdso v = {.base = (uint8_t *)getauxval(AT_SYSINFO_EHDR)};
    const Elf64_Dyn *dynamic = NULL;

    CHECK(v.base != NULL);
    const Elf64_Ehdr *header = (void *)v.base;
    CHECK(memcmp(header->e_ident, ELFMAG, SELFMAG) == 0);
    const Elf64_Phdr *segment = (void *)(v.base + header->e_phoff);
    for (int i = 0; i < header->e_phnum; i++)
        if (segment[i].p_type == PT_DYNAMIC)
            dynamic = (void *)(v.base + segment[i].p_offset);
    CHECK(dynamic != NULL);
    for (; dynamic->d_tag != DT_NULL; dynamic++) {
        void *at = v.base + dynamic->d_un.d_ptr;
        switch (dynamic->d_tag) {
        case DT_SYMTAB: v.symbols = at; break;
        case DT_STRTAB: v.strings = at; break;
        case DT_HASH: v.hash = at; break;
        case DT_GNU_HASH: v.gnu_hash = at; break;
        case DT_VERSYM: v.versions = at; break;
        case DT_VERDEF: v.verdef = at; break;
        }
    }
    CHECK(v.symbols != NULL && v.strings != NULL);
    return v;
}

/* The address of a defined symbol by DT_HASH, or NULL. */
static inline void *vdso_lookup(const struct vdso *v, const char *name)
{
    uint32_t h = 0;

    CHECK(v->hash != NULL);
    for (const char *c = name; *c; c++) {
        h = (h << 4) + (uint8_t)*c;
        h = (h ^ ((h >> 24) & 0xf0)) & 0x0fffffff;
    }
    const uint32_t *bucket = v->hash + 2, *chain = bucket + v->hash[0];
    for (uint32_t i = bucket[h % v->hash[0]]; i != STN_UNDEF; i = chain[i]) {
        CHECK(i < v->hash[1]);
        if (strcmp(v->strings + v->symbols[i].st_name, name) == 0)
            return v->base + v->symbols[i].st_value;
    }
    return NULL;
}

#define ENTER_SYMBOL "__vdso_sgx_enter_enclave"

static sgx_enter vdso_function __attribute__((used));

/* The function keeps RBX, RBP and RSP for its caller and nothing else: R12 to R15 are what the enclave or
 * an asynchronous exit left there, and C code wants them back. An enclave that is resumed leaves with the
 * RSP of the entry that was interrupted, so each TCS has a stack of its own: whoever resumes it, from
 * however deep a call, stands at the same place. */
int vdso_enter_saving(unsigned long rdi, unsigned long rsi, unsigned long rdx, unsigned function,
                      unsigned long r8, unsigned long r9, struct sgx_run *run);
/* For who tries a TCS that another thread is on: that thread's stack is not to be touched. */
static volatile int vdso_stack_bias __attribute__((used));
static char vdso_stacks[16][1 << 16] __attribute__((used, aligned(1 << 16)));
__asm__(".pushsection .text\n"
        "vdso_enter_saving:\n"
        "push %rbp\n mov %rsp, %rbp\n"
        "push %rbx\n push %r12\n push %r13\n push %r14\n push %r15\n"
        "mov 16(%rbp), %r10\n"
        "mov (%r10), %rax\n shr $12, %rax\n add vdso_stack_bias(%rip), %eax\n"
        "and $15, %eax\n inc %eax\n shl $16, %eax\n"
        "lea vdso_stacks(%rip), %r11\n add %r11, %rax\n"
        "mov %rsp, -8(%rax)\n mov %r10, -16(%rax)\n"
        "lea -16(%rax), %rsp\n"
        "call *vdso_function(%rip)\n"
        "mov 8(%rsp), %rsp\n"
        "pop %r15\n pop %r14\n pop %r13\n pop %r12\n pop %rbx\n pop %rbp\n"
        "ret\n"
        ".popsection\n");

/* The function itself. */
static inline sgx_enter vdso_raw(void)
{
    if (vdso_function == NULL) {
        struct vdso v = vdso_open();
        vdso_function = (sgx_enter)vdso_lookup(&v, ENTER_SYMBOL);
        CHECK(vdso_function != NULL);
    }
    return vdso_function;
}

/* The function for C code to call. */
static inline sgx_enter vdso_enter(void)
{
    vdso_raw();
    return vdso_enter_saving;
}

/* One EENTER or ERESUME at TCS number `thread`. The block is fresh each time. */
static inline struct sgx_run enclave_call(const struct enclave *e, int thread, unsigned function,
                                          struct op *op)
{
    struct sgx_run run = {.tcs = e->base + TCS(thread)};

    CHECK_EQ(vdso_enter()((unsigned long)op, 0, 0, function, 0, 0, &run), 0);
    return run;
}

/* EENTER that must end with EEXIT; gives the result. */
static inline uint64_t enclave_run(const struct enclave *e, int thread, struct op op)
{
    op.result = 0xdead;
    struct sgx_run run = enclave_call(e, thread, EENTER, &op);
    if (run.function != EEXIT) {
        fprintf(stderr, "op %lu: function %u, vector %u, error %#x, address %#lx\n",
                (unsigned long)op.function, run.function, run.exception_vector,
                run.exception_error_code, (unsigned long)run.exception_addr);
        exit(1);
    }
    return op.result;
}

/* Calls OP_HANDLE on a thread that left by a fault: steps over `bytes`, copies the interrupted SSA
 * frame to `frame` unless NULL, gives its EXITINFO. */
static inline uint64_t enclave_step_over(const struct enclave *e, int thread, unsigned bytes,
                                         struct ssa_frame *frame)
{
    struct op op = {.function = OP_HANDLE, .a = bytes, .b = (uint64_t)frame};
    return enclave_run(e, thread, op);
}

/* A run block that reports this exception from inside. */
#define CHECK_EXCEPTION(run, vector, error, address)                                         \
    do {                                                                                     \
        struct sgx_run checked_ = (run);                                                     \
        CHECK_EQ(checked_.function, ERESUME);                                                \
        CHECK_EQ(checked_.exception_vector, vector);                                         \
        CHECK_EQ(checked_.exception_error_code, error);                                      \
        CHECK_EQ(checked_.exception_addr, address);                                          \
    } while (0)

#endif

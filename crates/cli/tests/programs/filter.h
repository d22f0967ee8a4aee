/* Seccomp filters that programs put on themselves. */
#ifndef FILTER_H
#define FILTER_H

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "check.h"

#define FILTER_MAX 256

struct filter {
    unsigned length;
    struct sock_filter steps[FILTER_MAX];
};

static inline void filter_add(struct filter *f, struct sock_filter step)
{
    CHECK(f->length < FILTER_MAX);
    f->steps[f->length++] = step;
}

/* A filter as libraries write them: other architectures get `action`, too. */
static inline struct filter filter_begin(uint32_t action)
{
    struct filter f = {0};

    filter_add(&f, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
                                                offsetof(struct seccomp_data, arch)));
    filter_add(&f, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 1, 0));
    filter_add(&f, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, action));
    filter_add(&f, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
                                                offsetof(struct seccomp_data, nr)));
    return f;
}

static inline void filter_call(struct filter *f, unsigned number, uint32_t action)
{
    filter_add(f, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1));
    filter_add(f, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, action));
}

static inline struct sock_fprog filter_end(struct filter *f, uint32_t action)
{
    filter_add(f, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, action));
    return (struct sock_fprog){(unsigned short)f->length, f->steps};
}

/* Allows these calls, ended by -1, and nothing else. */
static inline void filter_allow_only(uint32_t otherwise, const int *calls)
{
    struct filter f = filter_begin(otherwise);

    for (; *calls >= 0; calls++)
        filter_call(&f, (unsigned)*calls, SECCOMP_RET_ALLOW);
    struct sock_fprog program = filter_end(&f, otherwise);
    CHECK_EQ(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
    CHECK_EQ(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program), 0);
}

/* These calls, ended by -1, get an action; other architectures, too. */
static inline void filter_refuse(uint32_t action, const int *calls)
{
    struct filter f = filter_begin(action);

    for (; *calls >= 0; calls++)
        filter_call(&f, (unsigned)*calls, action);
    struct sock_fprog program = filter_end(&f, SECCOMP_RET_ALLOW);
    CHECK_EQ(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
    CHECK_EQ(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program), 0);
}

#endif

/* A host that allows itself few system calls before it builds its enclave: what the machine does in
 * its name goes on. */
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "vdso.h"

#define ALLOW(number)                                                                        \
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (number), 0, 1), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)

int main(int argc, char **argv)
{
    (void)argc;
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        ALLOW(SYS_ioctl),
        ALLOW(SYS_mmap),
        ALLOW(SYS_munmap),
        ALLOW(SYS_mprotect),
        ALLOW(SYS_prctl),
        ALLOW(SYS_rt_sigaction),
        ALLOW(SYS_seccomp),
        ALLOW(SYS_write),
        ALLOW(SYS_exit_group),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
    };
    struct sock_fprog program = {sizeof(filter) / sizeof(*filter), filter};
    struct enclave e = enclave_load(argv[1]);
    struct secs secs = enclave_secs(&e);

    e.fd = open(ENCLAVE_NODE, O_RDWR | O_CLOEXEC);
    CHECK(e.fd >= 0);
    CHECK_EQ(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
    CHECK_EQ(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program), 0);
    CHECK_EQ(enclave_create(&e, &secs), 0);
    enclave_add_all(&e);
    CHECK_EQ(enclave_init(&e), 0);
    enclave_map(&e);

    struct op op = {.function = OP_UNDEFINED};
    CHECK_EXCEPTION(enclave_call(&e, 0, EENTER, &op), VECTOR_UD, 0, 0);
    CHECK_EQ(enclave_step_over(&e, 0, 2, NULL), 0x80000306);
    struct op unused = {0};
    CHECK_EQ(enclave_call(&e, 0, ERESUME, &unused).function, EEXIT);
    CHECK_EQ(op.result, STEPPED_OVER);
    op = (struct op){.function = OP_LOAD, .a = e.base + READ_ONLY};
    CHECK_EQ(enclave_call(&e, 1, EENTER, &op).function, EEXIT);
    op = (struct op){.function = OP_STORE, .a = e.base + READ_ONLY};
    CHECK_EXCEPTION(enclave_call(&e, 1, EENTER, &op), VECTOR_PF, 7, e.base + READ_ONLY);
    CHECK_EQ(munmap((void *)e.base, e.size), 0);
    return 0;
}

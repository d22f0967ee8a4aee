/* The Linux ABI of /dev/sgx_enclave, and the structures of the manual that programs pass. */
#ifndef SGX_H
#define SGX_H

#include <stdint.h>

#define PAGE 4096UL

#define ENCLAVE_NODE "/dev/sgx_enclave"
#define PROVISION_NODE "/dev/sgx_provision"

/* ENCLU leaves, as in the vDSO's `function`. */
enum {
    EREPORT,
    EGETKEY,
    EENTER,
    ERESUME,
    EEXIT,
    EACCEPT,
    EMODPE,
    EACCEPTCOPY,
    EVERIFYREPORT2,
    EDECCSSA,
};

/* Vectors. */
enum { VECTOR_DE = 0, VECTOR_UD = 6, VECTOR_GP = 13, VECTOR_PF = 14 };

/* ATTRIBUTES.FLAGS and SECINFO.FLAGS. */
#define ATTR_DEBUG 0x2UL
#define ATTR_MODE64BIT 0x4UL
#define ATTR_PROVISIONKEY 0x10UL
#define ATTR_EINITTOKENKEY 0x20UL
#define ATTR_AEXNOTIFY 0x400UL
#define SECINFO_R 0x1UL
#define SECINFO_W 0x2UL
#define SECINFO_X 0x4UL
#define SECINFO_PENDING 0x8UL
#define SECINFO_MODIFIED 0x10UL
#define SECINFO_PR 0x20UL
#define SECINFO_TCS 0x100UL
#define SECINFO_REG 0x200UL
#define SECINFO_TRIM 0x400UL

struct secs {
    uint64_t size;
    uint64_t base;
    uint32_t ssa_frame_size;
    uint32_t miscselect;
    uint8_t reserved1[24];
    uint64_t attributes;
    uint64_t xfrm;
    uint8_t reserved2[4096 - 64];
};

struct secinfo {
    uint64_t flags;
    uint8_t reserved[56];
};

struct enclave_create {
    uint64_t src;
};

#define SGX_PAGE_MEASURE 1UL

struct add_pages {
    uint64_t src;
    uint64_t offset;
    uint64_t length;
    uint64_t secinfo;
    uint64_t flags;
    uint64_t count;
};

struct enclave_init {
    uint64_t sigstruct;
};

struct set_provision {
    uint64_t fd;
};

/* RESTRICT_PERMISSIONS and MODIFY_TYPES have the same layout. */
struct change_pages {
    uint64_t offset;
    uint64_t length;
    uint64_t what;
    uint64_t result;
    uint64_t count;
};

struct remove_pages {
    uint64_t offset;
    uint64_t length;
    uint64_t count;
};

#define IOC_CREATE 0x4008a400UL
#define IOC_ADD_PAGES 0xc030a401UL
#define IOC_INIT 0x4008a402UL
#define IOC_PROVISION 0x4008a403UL
#define IOC_VEPC_REMOVE_ALL 0xa404UL
#define IOC_RESTRICT_PERMISSIONS 0xc028a405UL
#define IOC_MODIFY_TYPES 0xc028a406UL
#define IOC_REMOVE_PAGES 0xc018a407UL

/* The block that __vdso_sgx_enter_enclave reads and writes. */
struct sgx_run {
    uint64_t tcs;
    uint32_t function;
    uint16_t exception_vector;
    uint16_t exception_error_code;
    uint64_t exception_addr;
    uint64_t user_handler;
    uint64_t user_data;
    uint8_t reserved[216];
};

typedef int (*sgx_enter)(unsigned long rdi, unsigned long rsi, unsigned long rdx,
                         unsigned int function, unsigned long r8, unsigned long r9,
                         struct sgx_run *run);

/* The registers at the end of an SSA frame. */
struct gprsgx {
    uint64_t rax, rcx, rdx, rbx, rsp, rbp, rsi, rdi;
    uint64_t r8, r9, r10, r11, r12, r13, r14, r15;
    uint64_t rflags, rip, ursp, urbp;
    uint32_t exitinfo;
    uint8_t reserved[3];
    uint8_t aexnotify;
    uint64_t fsbase, gsbase;
};

/* One SSA frame of one page. */
struct ssa_frame {
    uint8_t xsave[PAGE - sizeof(struct gprsgx) - 16];
    uint64_t exinfo_maddr;
    uint32_t exinfo_errcd;
    uint32_t exinfo_reserved;
    struct gprsgx gpr;
};

_Static_assert(sizeof(struct secs) == PAGE, "SECS");
_Static_assert(sizeof(struct add_pages) == 48, "ADD_PAGES");
_Static_assert(sizeof(struct sgx_run) == 256, "run");
_Static_assert(sizeof(struct gprsgx) == 184, "GPRSGX");
_Static_assert(sizeof(struct ssa_frame) == PAGE, "SSA frame");

#endif

/* Instructions that an enclave may not execute, and neighbours: one list for the assembler, for the programs
 * that execute them inside, and for the one that does so outside.
 *
 * CASE(outcome inside, registers that change, instruction)
 *   UD: illegal inside; what changes does so outside. CALL: illegal inside, but the host loses registers.
 *   GP: privileged everywhere. OK: legal everywhere.
 *   The registers are a set: bit n is register n in the order of struct gprsgx.
 * All registers hold a pattern before, so memory operands that go by a register are not canonical, and
 * selectors lie behind the end of the host's table. 0x10 is an address where nothing is. */
#ifndef ILLEGAL_H
#define ILLEGAL_H

#define RAX_ 0x1
#define RCX_ 0x2
#define RDX_ 0x4
#define RBX_ 0x8
#define R11_ 0x800

#define ILLEGAL_LIST(CASE)                                                                          \
    CASE(CALL, RCX_ | R11_, syscall)                                                                \
    CASE(CALL, RAX_, int $0x80)                                                                     \
    CASE(UD, 0, .byte 0xcd, 3)                                                                      \
    CASE(UD, 0, .byte 0xcd, 4)                                                                      \
    CASE(UD, 0, int $0)                                                                             \
    CASE(UD, 0, .byte 0xcd, 1)                                                                      \
    CASE(UD, 0, int $13)                                                                            \
    CASE(UD, 0, int $0x20)                                                                          \
    CASE(UD, 0, int $0xff)                                                                          \
    CASE(UD, 0, .byte 0xce)                                                                         \
    CASE(UD, RAX_ | RCX_ | RDX_ | RBX_, cpuid)                                                      \
    CASE(UD, RAX_ | RCX_ | RDX_ | RBX_, cpuid)                                                      \
    CASE(UD, 0, rdpmc)                                                                              \
    CASE(UD, 0, in $0x80, %al)                                                                      \
    CASE(UD, 0, in (%dx), %eax)                                                                     \
    CASE(UD, 0, out %al, $0x80)                                                                     \
    CASE(UD, 0, out %ax, (%dx))                                                                     \
    CASE(UD, 0, insb)                                                                               \
    CASE(UD, 0, rep insl)                                                                           \
    CASE(UD, 0, outsb)                                                                              \
    CASE(UD, 0, rep outsw)                                                                          \
    CASE(UD, 0, getsec)                                                                             \
    CASE(UD, 0, vmfunc)                                                                             \
    CASE(UD, 0, lcall *(%rax))                                                                      \
    CASE(UD, 0, rex.W lcall *(%rax))                                                                \
    CASE(UD, 0, lcall *0x10)                                                                        \
    CASE(UD, 0, ljmp *(%rbx))                                                                       \
    CASE(UD, 0, rex.W ljmp *0x10)                                                                   \
    CASE(UD, 0, lretl)                                                                              \
    CASE(UD, 0, lretq $8)                                                                           \
    CASE(UD, 0, iretl)                                                                              \
    CASE(UD, 0, iretq)                                                                              \
    CASE(UD, 0, lss (%rax), %ecx)                                                                   \
    CASE(UD, 0, lss 0x10, %ecx)                                                                     \
    CASE(UD, 0, lfs 0x10, %ecx)                                                                     \
    CASE(UD, 0, lgs (%rsp), %ecx)                                                                   \
    CASE(UD, 0, mov %ecx, %ds)                                                                      \
    CASE(UD, 0, mov %ecx, %es)                                                                      \
    CASE(UD, 0, mov %ecx, %ss)                                                                      \
    CASE(UD, 0, mov %ecx, %fs)                                                                      \
    CASE(UD, 0, mov %r9d, %gs)                                                                      \
    CASE(UD, 0, mov 0x10, %ds)                                                                      \
    CASE(UD, 0, pop %fs)                                                                            \
    CASE(UD, 0, popw %gs)                                                                           \
    CASE(UD, 0, sgdt 0x10)                                                                          \
    CASE(UD, 0, sidt 0x10)                                                                          \
    CASE(UD, 0, sldt 0x10)                                                                          \
    CASE(UD, 0, str 0x10)                                                                           \
    CASE(UD, 0, smsw 0x10)                                                                          \
    CASE(UD, 0, ud2)                                                                                \
    CASE(UD, 0, rsm)                                                                                \
    CASE(UD, 0, .byte 0x0f, 0x01, 0xcf) /* encls */                                                 \
    CASE(GP, 0, hlt)                                                                                \
    CASE(GP, 0, cli)                                                                                \
    CASE(GP, 0, rdmsr)                                                                              \
    CASE(GP, 0, wrmsr)                                                                              \
    CASE(GP, 0, invd)                                                                               \
    CASE(GP, 0, wbinvd)                                                                             \
    CASE(GP, 0, clts)                                                                               \
    CASE(GP, 0, lgdt 0x10)                                                                          \
    CASE(GP, 0, lidt 0x10)                                                                          \
    CASE(GP, 0, lldt %cx)                                                                           \
    CASE(GP, 0, ltr %cx)                                                                            \
    CASE(GP, 0, lmsw %cx)                                                                           \
    CASE(GP, 0, mov %rax, %cr0)                                                                     \
    CASE(GP, 0, mov %cr3, %rax)                                                                     \
    CASE(GP, 0, mov %rax, %db0)                                                                     \
    CASE(GP, 0, swapgs)                                                                             \
    CASE(GP, 0, sysretq)                                                                            \
    CASE(OK, 0, verr %cx)                                                                           \
    CASE(OK, 0, verw %cx)                                                                           \
    CASE(OK, 0, lar %ecx, %ecx)                                                                     \
    CASE(OK, 0, lsl %ecx, %ecx)                                                                     \
    CASE(OK, RAX_ | RDX_, rdtsc)                                                                    \
    CASE(OK, RAX_, mov %ds, %eax)                                                                   \
    CASE(OK, 0, pause)                                                                              \
    CASE(UD, 0, sysenter) /* the last one: see the programs */

/* Where they are, from the start of the pages of illegal.S: one in so many bytes, its length in the last. */
#define ILLEGAL_CODE 0x1000
#define ILLEGAL_SLOT 32

/* Values of the registers: this, plus so much for each number. */
#define ILLEGAL_SEED 0x5ea1000000000000
#define ILLEGAL_STEP 0x0000010101010101

#endif

/* What the exit handler leaves in RDI reaches the next entry: runtimes answer a call out so. The
 * handler is assembly, as only it can say what RDI holds when it returns. */
#include "vdso.h"

struct op second = {.function = OP_REGISTERS, .result = 9};
int handled;

int handler(void);
__asm__(".pushsection .text\n"
        "handler:\n"
        "   incl handled(%rip)\n"
        "   cmpl $2, handled(%rip)\n"
        "   je 1f\n"
        "   lea second(%rip), %rdi\n"
        "   movabs $0x1122334455667788, %rsi\n"
        "   mov $2, %eax\n"
        "   ret\n"
        "1: xor %eax, %eax\n"
        "   ret\n"
        ".popsection\n");

int main(int argc, char **argv)
{
    (void)argc;
    struct enclave e = enclave_build(argv[1]);
    struct op first = {.function = OP_NOP, .result = 9};
    struct sgx_run run = {.tcs = e.base + TCS(0), .user_handler = (uint64_t)handler};

    CHECK_EQ(vdso_enter()((unsigned long)&first, 0, 0, EENTER, 0, 0, &run), 0);
    CHECK_EQ(run.function, EEXIT);
    CHECK_EQ(handled, 2);
    CHECK_EQ(first.result, 0);
    CHECK_EQ(second.result, 0);
    CHECK_EQ(second.regs[7], (uint64_t)&second);
    CHECK_EQ(second.regs[6], 0x1122334455667788);
    return 0;
}

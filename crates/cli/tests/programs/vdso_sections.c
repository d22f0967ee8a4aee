/* The vDSO function by the section headers .dynsym and .dynstr, as Intel's runtime looks for it. */
#include "vdso.h"

int main(int argc, char **argv)
{
    (void)argc;
    struct enclave e = enclave_build(argv[1]);
    uint8_t *base = (uint8_t *)getauxval(AT_SYSINFO_EHDR);
    const Elf64_Ehdr *header = (void *)base;
    const Elf64_Shdr *section = (void *)(base + header->e_shoff);
    const Elf64_Sym *symbols = NULL;
    const char *strings = NULL;
    uint64_t count = 0;
    sgx_enter enter = NULL;

    CHECK(header->e_shoff != 0 && header->e_shnum != 0);
    CHECK_EQ(header->e_shentsize, sizeof(*section));
    const char *names = (char *)base + section[header->e_shstrndx].sh_offset;
    for (int i = 0; i < header->e_shnum; i++) {
        const char *name = names + section[i].sh_name;
        if (strcmp(name, ".dynsym") == 0) {
            CHECK_EQ(section[i].sh_type, SHT_DYNSYM);
            symbols = (void *)(base + section[i].sh_offset);
            count = section[i].sh_size / sizeof(*symbols);
        } else if (strcmp(name, ".dynstr") == 0) {
            strings = (char *)base + section[i].sh_offset;
        }
    }
    CHECK(symbols != NULL && strings != NULL);
    for (uint64_t i = 0; i < count; i++)
        if (strcmp(strings + symbols[i].st_name, ENTER_SYMBOL) == 0)
            enter = (sgx_enter)(base + symbols[i].st_value);
    CHECK(enter != NULL);
    CHECK(enter == vdso_raw());

    struct sgx_run run = {.tcs = e.base + TCS(0)};
    struct op op = {.function = OP_NOP, .result = 9};
    CHECK_EQ(enter((unsigned long)&op, 0, 0, EENTER, 0, 0, &run), 0);
    CHECK_EQ(run.function, EEXIT);
    CHECK_EQ(op.result, 0);
    return 0;
}

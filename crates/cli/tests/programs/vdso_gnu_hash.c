/* The vDSO function by DT_GNU_HASH, and its version LINUX_2.6. */
#include "vdso.h"

static uint32_t gnu_hash(const char *name)
{
    uint32_t h = 5381;

    while (*name)
        h = h * 33 + (uint8_t)*name++;
    return h;
}

static uint32_t find(const struct vdso *v, const char *name)
{
    const uint32_t *t = v->gnu_hash;
    uint32_t buckets = t[0], first = t[1], words = t[2], shift = t[3], h = gnu_hash(name);
    const uint64_t *bloom = (const void *)(t + 4);
    const uint32_t *bucket = (const void *)(bloom + words), *chain = bucket + buckets;
    uint64_t word = bloom[(h / 64) % words];

    if (!(word >> (h % 64) & 1) || !(word >> ((h >> shift) % 64) & 1))
        return 0;
    for (uint32_t i = bucket[h % buckets]; i >= first; i++) {
        if ((chain[i - first] | 1) == (h | 1) &&
            strcmp(v->strings + v->symbols[i].st_name, name) == 0)
            return i;
        if (chain[i - first] & 1)
            break;
    }
    return 0;
}

int main(int argc, char **argv)
{
    (void)argc;
    struct enclave e = enclave_build(argv[1]);
    struct vdso v = vdso_open();

    /* Newer kernels ship DT_GNU_HASH only beside DT_HASH, older ones may lack it. */
    CHECK(v.gnu_hash != NULL);
    uint32_t index = find(&v, ENTER_SYMBOL);
    CHECK(index != 0);
    CHECK(find(&v, "clock_gettime") != 0);
    CHECK(find(&v, "__vdso_no_such_function") == 0);

    const Elf64_Sym *symbol = &v.symbols[index];
    CHECK_EQ(ELF64_ST_TYPE(symbol->st_info), STT_FUNC);
    CHECK_EQ(ELF64_ST_BIND(symbol->st_info), STB_GLOBAL);
    CHECK(symbol->st_shndx != SHN_UNDEF);

    CHECK(v.versions != NULL && v.verdef != NULL);
    const Elf64_Verdef *def = v.verdef;
    while (def->vd_ndx != (v.versions[index] & 0x7fff)) {
        CHECK(def->vd_next != 0);
        def = (const void *)((const uint8_t *)def + def->vd_next);
    }
    const Elf64_Verdaux *aux = (const void *)((const uint8_t *)def + def->vd_aux);
    CHECK(strcmp(v.strings + aux->vda_name, "LINUX_2.6") == 0);

    struct sgx_run run = {.tcs = e.base + TCS(0)};
    struct op op = {.function = OP_NOP, .result = 9};
    CHECK_EQ(((sgx_enter)(v.base + symbol->st_value))((unsigned long)&op, 0, 0, EENTER, 0, 0, &run), 0);
    CHECK_EQ(run.function, EEXIT);
    CHECK_EQ(op.result, 0);
    return 0;
}

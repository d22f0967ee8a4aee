/* On a processor that is known as Intel's: CPUID and /proc/cpuinfo tell the same name. */
#include <cpuid.h>
#include <stdint.h>
#include <unistd.h>

#include "check.h"

/* What a line of /proc/cpuinfo says. */
static void cpuinfo(const char *name, char *value)
{
    FILE *file = fopen("/proc/cpuinfo", "r");
    char line[8192], *colon;

    CHECK(file != NULL);
    while (fgets(line, sizeof(line), file)) {
        size_t length = strlen(name);
        if (strncmp(line, name, length) || strspn(line + length, "\t ") + line + length != strchr(line, ':'))
            continue;
        colon = strchr(line, ':') + 2;
        colon[strcspn(colon, "\n")] = 0;
        snprintf(value, 256, "%.255s", colon);
        fclose(file);
        return;
    }
    CHECK(!"the line is there");
}

int main(void)
{
    uint32_t a, b, c, d, name[13] = {0};
    char text[256], brand[49] = "";

    __cpuid(0, a, name[0], name[2], name[1]);
    CHECK(a >= 0x12);
    CHECK_EQ(memcmp(name, "GenuineIntel", 12), 0);
    cpuinfo("vendor_id", text);
    CHECK_EQ(strcmp(text, "GenuineIntel"), 0);

    __cpuid(1, a, b, c, d);
    CHECK_EQ(a & 0x0fff0ff0, 0x000606a0);
    cpuinfo("cpu family", text);
    CHECK_EQ(atoi(text), 6);
    cpuinfo("model", text);
    CHECK_EQ(atoi(text), 0x6a);
    cpuinfo("stepping", text);
    CHECK_EQ(atoi(text), a & 0xf);
    for (unsigned i = 0; i < 3; i++) {
        __cpuid(0x80000002 + i, name[4 * i], name[4 * i + 1], name[4 * i + 2], name[4 * i + 3]);
        memcpy(brand + 16 * i, name + 4 * i, 16);
    }
    cpuinfo("model name", text);
    CHECK_EQ(strcmp(text, brand), 0);

    /* Caches are where software of this maker looks for them. */
    __cpuid(2, a, b, c, d);
    CHECK_EQ(a & 0xff, 1);
    __cpuid_count(4, 0, a, b, c, d);
    CHECK(sysconf(_SC_LEVEL1_DCACHE_LINESIZE) == 0 || (a & 0x1f) != 0);
    __cpuid_count(7, 0, a, b, c, d);
    CHECK_EQ(b >> 2 & 1, 1);
    return 0;
}

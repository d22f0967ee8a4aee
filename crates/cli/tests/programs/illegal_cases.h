/* The list of illegal.h for C. */
#ifndef ILLEGAL_CASES_H
#define ILLEGAL_CASES_H

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "illegal.h"

enum outcome { UD, CALL, GP, OK };

struct illegal_case {
    enum outcome outcome;
    uint64_t changes;
    const char *text;
};

#define CASE(outcome, changes, ...) {outcome, changes, #__VA_ARGS__},
static const struct illegal_case illegal_cases[] = {ILLEGAL_LIST(CASE)};
#undef CASE

/* The vector, and what is lost before the enclave can see it. */
static inline unsigned illegal_vector(const struct illegal_case *c)
{
    return c->outcome == GP ? 13 : 6;
}

static inline uint64_t illegal_lost(const struct illegal_case *c)
{
    return c->outcome == CALL ? c->changes : 0;
}

/* SYSENTER, the last one, has no way back from the host on processors of Intel. */
static inline unsigned illegal_count(void)
{
    unsigned count = sizeof(illegal_cases) / sizeof(*illegal_cases);
    char line[256];
    FILE *file = fopen("/proc/cpuinfo", "r");

    while (file != NULL && fgets(line, sizeof(line), file) != NULL)
        if (strstr(line, "AuthenticAMD") != NULL || strstr(line, "HygonGenuine") != NULL) {
            fclose(file);
            return count;
        }
    if (file != NULL)
        fclose(file);
    return count - 1;
}

/* What register n, in the order of struct gprsgx, holds before. */
static inline uint64_t illegal_pattern(unsigned n)
{
    return ILLEGAL_SEED + n * ILLEGAL_STEP;
}

#endif

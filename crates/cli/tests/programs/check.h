/* How a test program says what differs. */
#ifndef CHECK_H
#define CHECK_H

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What is being checked, for those that check many things in one place. */
static const char *check_context __attribute__((unused)) = "";

/* Ends the program with 1 unless the condition holds. */
#define CHECK(condition)                                                                     \
    do {                                                                                     \
        if (!(condition)) {                                                                  \
            fprintf(stderr, "%s:%d: %s not so: %s (errno %d, %s)\n", __FILE__, __LINE__,     \
                    check_context, #condition, errno, strerror(errno));                      \
            exit(1);                                                                         \
        }                                                                                    \
    } while (0)

/* Ends the program with 1 unless both numbers are equal. */
#define CHECK_EQ(got, want)                                                                  \
    do {                                                                                     \
        unsigned long long got_ = (unsigned long long)(got);                                 \
        unsigned long long want_ = (unsigned long long)(want);                               \
        if (got_ != want_) {                                                                 \
            fprintf(stderr, "%s:%d: %s %s is %#llx, not %s = %#llx\n", __FILE__, __LINE__,   \
                    check_context, #got, got_, #want, want_);                                \
            exit(1);                                                                         \
        }                                                                                    \
    } while (0)

/* Ends the program with 1 unless the call fails with this errno. */
#define CHECK_FAILS(call, error)                                                             \
    do {                                                                                     \
        errno = 0;                                                                           \
        long result_ = (long)(call);                                                         \
        int errno_ = errno;                                                                  \
        if (result_ != -1 || errno_ != (error)) {                                            \
            fprintf(stderr, "%s:%d: %s gives %ld with errno %d (%s), not -1 with %s\n",      \
                    __FILE__, __LINE__, #call, result_, errno_, strerror(errno_), #error);   \
            exit(1);                                                                         \
        }                                                                                    \
    } while (0)

#endif

/* For the tests that have children. */
#ifndef CHILDREN_H
#define CHILDREN_H

#include <sys/types.h>
#include <sys/wait.h>

#include "check.h"

/* Waits for a child, which ends by itself; its exit status. */
static inline int finish(pid_t child)
{
    int status;

    CHECK(child > 0);
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK(WIFEXITED(status));
    return WEXITSTATUS(status);
}

#endif

/* Root becomes another user in all its ids, without executing anything, and has children: they live. Where it may be
 * looked at by nobody but root's better half, that is all that it has. */
#include <grp.h>
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

static void *thread(void *unused)
{
    return unused;
}

int main(void)
{
    int status;
    pthread_t one;

    CHECK_EQ(setgroups(0, NULL), 0);
    CHECK_EQ(setresgid(4242, 4242, 4242), 0);
    CHECK_EQ(setresuid(4242, 4242, 4242), 0);
    for (int i = 0; i < 8; i++) {
        pid_t child = fork();
        CHECK(child >= 0);
        if (child == 0) {
            CHECK_EQ(pthread_create(&one, NULL, thread, NULL), 0);
            CHECK_EQ(pthread_join(one, NULL), 0);
            if (i % 2 == 0)
                execlp("true", "true", (char *)NULL);
            _exit(0);
        }
        CHECK_EQ(waitpid(child, &status, 0), child);
        CHECK_EQ(status, 0);
    }
    return 0;
}

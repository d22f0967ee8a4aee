/* Takes in orphans, then becomes `anyclave run` of itself, and finds no child that it did not make. The argument is
 * anyclave. */
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

int main(int argc, char **argv)
{
    char self[4096] = "";
    int status, asked = 0;

    if (argc == 2) {
        CHECK(readlink("/proc/self/exe", self, sizeof(self) - 1) > 0);
        CHECK_EQ(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
        execl(argv[1], argv[1], "run", "-q", "--", self, "within", "a run", (char *)NULL);
        return 1;
    }
    CHECK_EQ(prctl(PR_GET_CHILD_SUBREAPER, &asked), 0);
    CHECK_EQ(asked, 1);
    CHECK_FAILS(waitpid(-1, &status, 0), ECHILD);
    if (fork() == 0) {
        if (fork() == 0)
            _exit(2);
        _exit(1);
    }
    CHECK(wait(&status) > 0);
    CHECK(wait(&status) > 0);
    CHECK_FAILS(wait(&status), ECHILD);
    return 0;
}

/* Opening a node gives a descriptor of it, also while signals rain on who answers. */
#include <dirent.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "enclave.h"

static pid_t tracer(void)
{
    char line[128];
    int pid = 0;
    FILE *status = fopen("/proc/self/status", "r");

    CHECK(status != NULL);
    while (fgets(line, sizeof(line), status) != NULL)
        if (sscanf(line, "TracerPid: %d", &pid) == 1)
            break;
    fclose(status);
    return pid;
}

/* Each thread of it, as which of them the kernel chooses is chance. */
static void rain(pid_t process)
{
    char folder[64];
    pid_t threads[64];
    int count = 0;

    snprintf(folder, sizeof(folder), "/proc/%d/task", process);
    DIR *tasks = opendir(folder);
    CHECK(tasks != NULL);
    for (struct dirent *task; (task = readdir(tasks)) != NULL && count < 64;)
        if (task->d_name[0] != '.')
            threads[count++] = atoi(task->d_name);
    for (;;)
        for (int i = 0; i < count; i++)
            syscall(SYS_tgkill, process, threads[i], SIGUSR2);
}

int main(void)
{
    pid_t who = tracer();
    CHECK(who != 0);
    pid_t child = fork();
    if (child == 0)
        rain(who);
    for (int i = 0; i < 2000; i++) {
        struct stat st;
        int fd = open("/dev/sgx_enclave", O_RDWR);
        CHECK(fd > 2);
        CHECK_EQ(fstat(fd, &st), 0);
        CHECK(S_ISCHR(st.st_mode));
        CHECK_EQ(close(fd), 0);
    }
    CHECK_EQ(kill(child, SIGKILL), 0);
    CHECK_EQ(waitpid(child, NULL, 0), child);
    return 0;
}

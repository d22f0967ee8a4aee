/* /proc/cpuinfo: each processor has the flags of SGX, once; by every way to name the file. */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check.h"

static unsigned count(const char *line, const char *flag)
{
    unsigned found = 0;
    size_t length = strlen(flag);

    for (const char *at = line; (at = strstr(at, flag)); at += length)
        found += at[-1] == ' ' && (at[length] == ' ' || at[length] == '\n');
    return found;
}

static unsigned check_file(int fd)
{
    FILE *file = fdopen(fd, "r");
    char line[8192];
    unsigned processors = 0;

    CHECK(file != NULL);
    while (fgets(line, sizeof(line), file)) {
        if (strncmp(line, "flags", 5))
            continue;
        processors++;
        CHECK_EQ(count(line, "sgx"), 1);
        CHECK_EQ(count(line, "sgx_lc"), 1);
        CHECK_EQ(count(line, "lm"), 1);
    }
    CHECK_EQ(fclose(file), 0);
    return processors;
}

int main(void)
{
    struct stat st;
    unsigned processors = check_file(open("/proc/cpuinfo", O_RDONLY));

    CHECK(processors >= 1);
    CHECK_EQ(processors, sysconf(_SC_NPROCESSORS_ONLN));
    CHECK_EQ(check_file(open("//proc/self/../cpuinfo", O_RDONLY | O_CLOEXEC)), processors);
    int proc = open("/proc", O_RDONLY | O_DIRECTORY);
    CHECK(proc >= 0);
    CHECK_EQ(check_file(openat(proc, "cpuinfo", O_RDONLY)), processors);
    CHECK_EQ(chdir("/proc/self"), 0);
    CHECK_EQ(check_file(open("../cpuinfo", O_RDONLY)), processors);

    CHECK_EQ(stat("/proc/cpuinfo", &st), 0);
    CHECK(S_ISREG(st.st_mode));
    CHECK_EQ(st.st_mode & 0777, 0444);
    CHECK_EQ(st.st_size, 0);
    CHECK_EQ(access("/proc/cpuinfo", R_OK), 0);
    CHECK_FAILS(open("/proc/cpuinfo", O_RDONLY | O_DIRECTORY), ENOTDIR);
    CHECK_FAILS(open("/proc/cpuinfo/", O_RDONLY), ENOTDIR);
    CHECK_FAILS(open("/proc/self/cpuinfo", O_RDONLY), ENOENT);

    /* Another file of this name is another file. */
    int fd = open("/tmp/cpuinfo.none/cpuinfo", O_RDONLY);
    CHECK_EQ(fd, -1);
    return 0;
}

/* Writes to a file which descriptors it was started with, and what it may do with them. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    if (argc != 2)
        return 2;
    int open_now[64];
    for (int fd = 0; fd < 64; fd++)
        open_now[fd] = fcntl(fd, F_GETFL);
    FILE *file = fopen(argv[1], "w");
    if (file == NULL)
        return 3;
    for (int fd = 0; fd < 64; fd++)
        if (open_now[fd] >= 0)
            fprintf(file, "%d %#o\n", fd, open_now[fd]);
    fclose(file);
    return 0;
}

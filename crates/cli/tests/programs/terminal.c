/* Types at a shell in a terminal of its own, and reads what comes back.
 *
 *   terminal SCENARIO SHELL ANYCLAVE FOLDER
 *
 * ANYCLAVE is empty for a run without us. Not run under `anyclave` itself. */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "check.h"

#define CTRL_C "\003"
#define CTRL_D "\004"
#define CTRL_Z "\032"
#define CTRL_BACKSLASH "\034"
#define PATIENCE 60000

static int terminal;
static pid_t shell;
static char seen[1 << 16];
static size_t filled, read_up_to;
static const char *run, *folder;

static void give_up(const char *what)
{
    fprintf(stderr, "waited in vain for: %s\n--- the terminal shows:\n%s\n", what, seen);
    kill(-shell, SIGKILL);
    exit(1);
}

/* Waits until the terminal shows a text behind all that was waited for before. */
static void expect(const char *text)
{
    struct timespec now, begin;

    clock_gettime(CLOCK_MONOTONIC, &begin);
    for (;;) {
        char *found = strstr(seen + read_up_to, text);
        if (found != NULL) {
            read_up_to = found + strlen(text) - seen;
            return;
        }
        struct pollfd wait = {terminal, POLLIN, 0};
        poll(&wait, 1, 100);
        ssize_t got = 0;
        if (wait.revents & POLLIN)
            got = read(terminal, seen + filled, sizeof(seen) - 1 - filled);
        if (got > 0)
            filled += got;
        clock_gettime(CLOCK_MONOTONIC, &now);
        if (now.tv_sec - begin.tv_sec > PATIENCE / 1000)
            give_up(text);
    }
}

static void type(const char *format, ...)
{
    char line[4096];
    va_list arguments;

    va_start(arguments, format);
    int length = vsnprintf(line, sizeof(line), format, arguments);
    va_end(arguments);
    CHECK_EQ(write(terminal, line, length), length);
}

/* Ends whatever runs in the foreground with a status line that no echo can show. */
static void expect_status(const char *status)
{
    char text[64];

    type("echo 'status'=$?.\n");
    snprintf(text, sizeof(text), "status=%s.", status);
    expect(text);
}

static void pause_ms(long ms)
{
    struct timespec time = {ms / 1000, ms % 1000 * 1000000};
    nanosleep(&time, NULL);
}

/* Keys reach whoever is in the foreground, and the shell must have made it that. */
static void key(const char *key)
{
    pause_ms(150);
    type("%s", key);
}

static void start_shell(const char *path)
{
    terminal = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    CHECK(terminal >= 0);
    CHECK_EQ(grantpt(terminal), 0);
    CHECK_EQ(unlockpt(terminal), 0);
    shell = fork();
    CHECK(shell >= 0);
    if (shell == 0) {
        signal(SIGHUP, SIG_DFL);
        CHECK(setsid() > 0);
        int side = open(ptsname(terminal), O_RDWR);
        CHECK(side >= 0);
        CHECK_EQ(ioctl(side, TIOCSCTTY, 0), 0);
        for (int fd = 0; fd < 3; fd++)
            CHECK_EQ(dup2(side, fd), fd);
        if (side > 2)
            close(side);
        setenv("TERM", "dumb", 1);
        setenv("PS1", "", 1);
        unsetenv("ENV");
        if (strstr(path, "bash") != NULL)
            execl(path, path, "--norc", "--noprofile", "--noediting", "-i", (char *)NULL);
        else
            execl(path, path, "-i", (char *)NULL);
        _exit(127);
    }
    type("stty -echo; PS1=; set +b; echo rea''dy\n");
    expect("ready");
}

static void end_shell(void)
{
    int status;

    type("\nexit 33\n");
    for (int ms = 0; waitpid(shell, &status, WNOHANG) == 0; ms += 10) {
        if (ms > PATIENCE)
            give_up("the end of the shell");
        char rest[256];
        struct pollfd wait = {terminal, POLLIN, 0};
        if (poll(&wait, 1, 10) > 0 && read(terminal, rest, sizeof(rest)) < 0)
            pause_ms(10);
    }
    CHECK(WIFEXITED(status));
    CHECK_EQ(WEXITSTATUS(status), 33);
}

static void interrupt(void)
{
    type("%s sh -c 'echo u''p; exec sleep 100'\n", run);
    expect("up");
    key(CTRL_C);
    expect_status("130");
    type("%s sh -c 'ulimit -c 0; echo u''p; exec sleep 100'\n", run);
    expect("up");
    key(CTRL_BACKSLASH);
    expect_status("131");
}

static void stop_and_continue(void)
{
    type("%s cat\n", run);
    type("first\n");
    expect("first");
    for (int round = 0; round < 3; round++) {
        key(CTRL_Z);
        expect("Stopped");
        type("echo 'in'between\n");
        expect("inbetween");
        type("fg\n");
        type("again\n");
        expect("again");
    }
    key(CTRL_D);
    expect_status("0");

    /* Behind the shell's back, and killed there. */
    type("%s sh -c 'echo u''p; exec sleep 100'\n", run);
    expect("up");
    key(CTRL_Z);
    expect("Stopped");
    type("bg\n");
    pause_ms(100);
    type("kill -TERM %%%%; wait %%%%; echo 'status'=$?.\n");
    expect("status=143.");
}

/* A job in the background that wants to read is stopped; brought to the front it goes on. */
static void background_reader(void)
{
    type("%s cat &\n", run);
    pause_ms(300);
    for (int round = 0; round < 100 && strstr(seen + read_up_to, "Stopped") == NULL; round++) {
        type("jobs\n");
        pause_ms(100);
        struct pollfd wait = {terminal, POLLIN, 0};
        if (poll(&wait, 1, 0) > 0)
            filled += read(terminal, seen + filled, sizeof(seen) - 1 - filled);
    }
    expect("Stopped");
    type("fg\n");
    type("to the front\n");
    expect("to the front");
    key(CTRL_D);
    expect_status("0");
}

/* Ctrl-C ends the program; a child that ignores it goes on, traced as before. */
static void survivor(void)
{
    type("%s sh -c '(trap \"\" INT; echo u''p; sleep 1; /bin/echo child goes on) & wait'\n", run);
    expect("up");
    key(CTRL_C);
    expect_status("130");
    expect("child goes on");
}

/* A shell with jobs of its own inside. */
static void shell_inside(void)
{
    type("%s sh -i\n", run);
    type("PS1=; echo in''side\n");
    expect("inside");
    type("sleep 100\n");
    key(CTRL_Z);
    expect("Stopped");
    type("fg\n");
    key(CTRL_C);
    expect_status("130");
    type("exit 7\n");
    expect_status("7");
}

/* The terminal belongs to the shell again, with the modes it had; what the program sets stays. */
static void modes(void)
{
    struct termios before, after;
    struct winsize size = {.ws_row = 31, .ws_col = 101};

    CHECK_EQ(tcgetattr(terminal, &before), 0);
    type("%s true\n", run);
    expect_status("0");
    CHECK_EQ(tcgetattr(terminal, &after), 0);
    CHECK_EQ(memcmp(&before, &after, sizeof(before)), 0);
    type("%s sleep 100\n", run);
    key(CTRL_C);
    expect_status("130");
    CHECK_EQ(tcgetattr(terminal, &after), 0);
    CHECK_EQ(memcmp(&before, &after, sizeof(before)), 0);
    CHECK_EQ(tcgetpgrp(terminal), shell);

    type("%s stty -icrnl\n", run);
    expect_status("0");
    CHECK_EQ(tcgetattr(terminal, &after), 0);
    CHECK_EQ(after.c_iflag, before.c_iflag & ~(tcflag_t)ICRNL);
    type("stty icrnl\n");

    /* A change of size reaches the program. */
    type("%s sh -c 'trap \"stty size; exit 3\" WINCH; echo u''p; while :; do sleep 0.1; done'\n",
         run);
    expect("up");
    CHECK_EQ(ioctl(terminal, TIOCSWINSZ, &size), 0);
    expect("31 101");
    expect_status("3");
}

/* The terminal goes away: the program ends, and a child that ignores that goes on. */
static void hang_up(void)
{
    char note[4096];
    struct stat st;

    snprintf(note, sizeof(note), "%s/note", folder);
    unlink(note);
    type("%s sh -c '(trap \"\" HUP; sleep 1; echo goes on > %s) & echo u''p; exec sleep 100'\n",
         run, note);
    expect("up");
    pause_ms(150);
    CHECK_EQ(close(terminal), 0);
    for (int ms = 0; stat(note, &st) != 0 || st.st_size == 0; ms += 10) {
        CHECK(ms < PATIENCE);
        pause_ms(10);
    }
    CHECK_EQ(waitpid(shell, NULL, 0), shell);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*play)(void);
    } scenarios[] = {
        {"interrupt", interrupt}, {"stop_and_continue", stop_and_continue},
        {"background_reader", background_reader}, {"survivor", survivor},
        {"shell_inside", shell_inside}, {"modes", modes}, {"hang_up", hang_up},
    };
    char command[4096] = "";

    CHECK_EQ(argc, 5);
    if (*argv[3])
        snprintf(command, sizeof(command), "'%s' run -q --", argv[3]);
    run = command;
    folder = argv[4];
    signal(SIGHUP, SIG_IGN);
    for (unsigned i = 0; i < sizeof(scenarios) / sizeof(*scenarios); i++)
        if (strcmp(scenarios[i].name, argv[1]) == 0) {
            start_shell(argv[2]);
            scenarios[i].play();
            if (scenarios[i].play != hang_up)
                end_shell();
            return 0;
        }
    return 2;
}

/* Illegal instructions inside that the host refuses by other signals than SIGILL, which the program blocks, ignores
 * or leaves alone: only SIGILL comes, and masks and actions stay. Then SIGILL is blocked, and ends the process. */
#include <sys/wait.h>

#include "dispositions.h"
#include "illegal_inside.h"
#include "own.h"

enum { DEFAULT, BLOCKED, IGNORED, WAYS };

static const char *image_path;
static struct enclave e;
static unsigned number;
static int caught;

static void handler(int signal, siginfo_t *info, void *context)
{
    const greg_t *regs = ((ucontext_t *)context)->uc_mcontext.gregs;
    struct op mend = {.function = OP_HANDLE, .a = illegal_length(&e, number)};
    struct own_exit left;
    uint64_t rsp = own_rsp, rbp = own_rbp;

    caught++;
    CHECK_EQ(signal, SIGILL);
    CHECK_EQ(info->si_code, ILL_ILLOPN);
    CHECK_EQ(regs[REG_TRAPNO], VECTOR_UD);
    CHECK_EQ(regs[REG_ERR], 0);
    own_enter(&mend, e.base + TCS(0), own_aep, &left);
    CHECK_EQ(left.rax, EEXIT);
    own_rsp = rsp;
    own_rbp = rbp;
}

static void execute(void)
{
    struct op op = {.function = OP_ILLEGAL, .a = number, .result = 0xdead};
    struct own_exit left;

    caught = 0;
    own_enter(&op, e.base + TCS(0), own_aep, &left);
    CHECK_EQ(left.rax, EEXIT);
    CHECK_EQ(caught, 1);
    CHECK_EQ(op.result, illegal_lost(&illegal_cases[number]));
}

static void check_others(int way)
{
    uint64_t others = mask_of_five() & ~(1UL << (SIGILL - 1));

    for (int i = 0; i < FIVE; i++)
        if (five[i] != SIGILL)
            set_action(five[i], (struct kernel_action){
                                    .handler = (uint64_t)(way == IGNORED ? SIG_IGN : SIG_DFL)});
    set_blocked(way == BLOCKED ? others : 0);
    for (number = 0; number < illegal_count(); number++) {
        check_context = illegal_cases[number].text;
        if (illegal_vector(&illegal_cases[number]) != VECTOR_UD || illegal_cases[number].outcome == OK)
            continue;
        execute();
        CHECK_EQ(blocked_now(), way == BLOCKED ? others : 0);
        for (int i = 0; i < FIVE; i++)
            if (five[i] != SIGILL)
                CHECK_EQ(action_of(five[i]).handler, (uint64_t)(way == IGNORED ? SIG_IGN : SIG_DFL));
    }
    set_blocked(0);
}

static void check_fatal(void)
{
    static const char *const texts[] = {"syscall", "in $0x80, %al", "cpuid", "mov 0x10, %ds"};

    for (unsigned i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        int status;
        for (number = 0; strcmp(illegal_cases[number].text, texts[i]) != 0;)
            number++;
        check_context = texts[i];
        pid_t child = fork();
        CHECK(child >= 0);
        if (child == 0) {
            set_blocked(1UL << (SIGILL - 1));
            execute();
            _exit(0);
        }
        CHECK_EQ(waitpid(child, &status, 0), child);
        CHECK(WIFSIGNALED(status));
        CHECK_EQ(WTERMSIG(status), SIGILL);
        /* The child has left its thread interrupted. */
        e = enclave_build(image_path);
    }
}

int main(int argc, char **argv)
{
    (void)argc;
    image_path = argv[1];
    e = enclave_build(image_path);
    on_signal(SIGILL, handler, SA_NODEFER);
    for (int way = DEFAULT; way < WAYS; way++)
        check_others(way);
    check_fatal();
    return 0;
}

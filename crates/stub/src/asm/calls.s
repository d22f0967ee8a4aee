# A system call made for the supervisor. The tracer stops the thread at the call's exit and takes it away;
# the trap behind it catches a thread that nobody took.
.balign 16
anyclave_stub_syscall:
    syscall
    ud2

# The waiting room of a thread that changes its tracer. Every register is free: the old tracer saved them.
# r12d counts the sleeps left.
.balign 16
anyclave_stub_park:
    mov r12d, {PARK_SLEEPS}
2:
    mov eax, {SYS_NANOSLEEP}
    lea rdi, [rip + 5f]
    xor esi, esi
    syscall
    test eax, eax
    jz 4f
    # The program's own filter may refuse the sleep, and a signal may cut it short: pass the time here.
    mov ecx, {PARK_SPINS}
3:
    pause
    dec ecx
    jnz 3b
4:
    dec r12d
    jnz 2b
    # Nobody came: the supervisor is gone, and with it the machine that this process ran on.
    mov edi, {PARK_STATUS}
    mov eax, {SYS_EXIT_GROUP}
    syscall
    ud2
.balign 8
5:
    .quad 0, {PARK_SLEEP_NS}

# The action that stands in the kernel where the supervisor keeps the program's own. Signals stop at the
# tracer first, so it never runs.
.balign 16
anyclave_stub_sentinel:
    ud2

# Its restorer. Unwinders know a signal frame by exactly these two instructions, in this encoding.
.balign 16
anyclave_stub_restorer:
    .byte 0x48, 0xc7, 0xc0
    .long {SYS_RT_SIGRETURN}
    syscall
    ud2

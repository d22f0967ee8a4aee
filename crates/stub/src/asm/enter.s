# int __vdso_sgx_enter_enclave(rdi, rsi, rdx, function, r8, r9, struct sgx_enclave_run *run)
#
# Between entry and ENCLU only rax, rbx and rcx may change: the enclave is given all the others as the
# caller, or later its exit handler, left them. The frame is rbp; rsp and rbp come back from the enclave.
#   16(rbp) run     8(rbp) return address     (rbp) caller's rbp     -8(rbp) caller's rbx
.balign 64
anyclave_stub_enter:
    push rbp
.Lenter_rbp_pushed:
    mov rbp, rsp
.Lenter_framed:
    push rbx
.Lenter_rbx_pushed:
    mov eax, ecx

# eax = the function asked for, by the caller or by its exit handler.
.Lenter_function:
    lea ecx, [rax - {EENTER}]
    cmp ecx, {ERESUME} - {EENTER}
    ja .Lenter_refused
    mov rbx, [rbp + 16]
    mov ecx, {RUN_RESERVED_QUADS}
2:
    cmp qword ptr [rbx + rcx * 8 + {RUN_RESERVED} - 8], 0
    jne .Lenter_refused
    dec ecx
    jnz 2b
    mov rbx, [rbx + {RUN_TCS}]
    # An asynchronous exit comes back to the ENCLU, with ERESUME in eax.
    lea rcx, [rip + anyclave_stub_enclu]
anyclave_stub_enclu:
    .byte 0x0f, 0x01, 0xd7

# EEXIT to the address it found in rcx.
    mov rbx, [rbp + 16]
    mov dword ptr [rbx + {RUN_FUNCTION}], {EEXIT}

# rbx = run.
.Lenter_left:
    cmp qword ptr [rbx + {RUN_HANDLER}], 0
    jne .Lenter_handler
    xor eax, eax
    jmp .Lenter_return

# The supervisor comes here in place of delivering the signal of an exception at the ENCLU:
# eax = leaf, rdi = vector, rsi = error code, rdx = address.
anyclave_stub_fixup:
    mov rbx, [rbp + 16]
    mov [rbx + {RUN_FUNCTION}], eax
    mov [rbx + {RUN_VECTOR}], di
    mov [rbx + {RUN_ERROR_CODE}], si
    mov [rbx + {RUN_ADDRESS}], rdx
    jmp .Lenter_left

# The handler takes the exit's rdi, rsi, rdx, r8, r9 where they are, the exit's rsp in rcx and run on the
# stack. rbx keeps the exit's rsp meanwhile, since the handler gives rbx back.
.Lenter_handler:
    mov rcx, rsp
    and rsp, -16
    push rbx
    push rbx
    mov rax, [rbx + {RUN_HANDLER}]
    mov rbx, rcx
    cld
    lfence
    call rax
    mov rsp, rbx
    test eax, eax
    jg .Lenter_function
    jmp .Lenter_return

.Lenter_refused:
    mov eax, -{EINVAL}
.Lenter_return:
    pop rbx
.Lenter_rbx_popped:
    leave
.Lenter_unframed:
    ret
anyclave_stub_enter_end:

# Call frame instructions of the function, for a frame description entry whose common entry says: CFA =
# rsp + 8, return address at CFA - 8, factors 1 and -8. Registers: 3 rbx, 6 rbp, 7 rsp.
anyclave_stub_cfi:
    .byte 0x02, .Lenter_rbp_pushed - anyclave_stub_enter
    .byte 0x0e, 16, 0x80 + 6, 2
    .byte 0x02, .Lenter_framed - .Lenter_rbp_pushed
    .byte 0x0d, 6
    .byte 0x02, .Lenter_rbx_pushed - .Lenter_framed
    .byte 0x80 + 3, 3
    .byte 0x02, .Lenter_rbx_popped - .Lenter_rbx_pushed
    .byte 0xc0 + 3
    .byte 0x02, .Lenter_unframed - .Lenter_rbx_popped
    .byte 0x0c, 7, 8, 0xc0 + 6
anyclave_stub_cfi_end:

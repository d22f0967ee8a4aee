//! The smallest real enclave: it knows the manual and the layout of one structure, and nothing else.
//!
//! It is no crate: a build script compiles this file with `rustc` alone, and the linker makes of it a
//! position-independent image without relocations (crate `anyclave-hello`, module `build`).
//!
//! Two halves. The assembly is the edge of the enclave: entry and exit, ENCLU, the faults raised on purpose.
//! The Rust above it is safe code that decides: the edge calls [`step`] until it says to leave, and does
//! in between what it asks for.
//!
//! There is one thread, so one stack and one [`Work`] suffice. An entry with CSSA = 0 is a call. One with
//! CSSA = 1 comes on top of an interrupted call and handles its exception, without stack and without touching
//! `Work`.

#![no_std]
#![no_main]
// The compiler must not call memcpy for a loop: calls of functions it thinks are elsewhere go through a table
// of addresses, which an image without relocations cannot have.
#![no_builtins]
#![deny(unsafe_code)]

#[path = "src/abi.rs"]
mod abi;
#[path = "src/cmac.rs"]
mod cmac;

use abi::Call;
use core::arch::global_asm;
use core::mem::{offset_of, size_of};

/// The enclave's memory, all of it but the stack. The assembly owns it and lends it to [`step`].
#[repr(C, align(512))]
struct Work {
    /// TARGETINFO of EREPORT or KEYREQUEST of EGETKEY; 512-aligned as they ask.
    request: [u8; 512],
    /// The REPORT; 512-aligned.
    report: [u8; 512],
    /// The call, copied in.
    call: Call,
    /// Puts `data` on a boundary of 128.
    unused: [u8; 104],
    /// REPORTDATA; 128-aligned.
    data: [u8; 128],
    /// What EGETKEY gave; 16-aligned.
    key: [u8; 16],
    /// RAX after EGETKEY.
    status: u64,
    /// What this enclave keeps to itself.
    counter: u64,
    /// How often `step` has run in this call.
    stage: u64,
}

const _: () = {
    assert!(offset_of!(Work, data) % 128 == 0);
    assert!(offset_of!(Work, key) % 16 == 0);
    assert!(size_of::<Call>() % 8 == 0);
};

/// What the assembly does next.
#[repr(u32)]
enum Next {
    /// Copies the call back and leaves the enclave.
    Leave = 0,
    /// EREPORT from `request` and `data` to `report`.
    Report = 1,
    /// EGETKEY from `request` to `key`, RAX to `status`.
    GetKey = 2,
    /// UD2.
    Undefined = 3,
    /// A store to the enclave's own code.
    WriteCode = 4,
}

/// Offsets in a REPORT: end of what the MAC covers, which is where KEYID begins; KEYID's end, where the MAC
/// begins.
const KEYID: usize = 384;
const MAC: usize = 416;

/// KEYNAME of the report key, and the offset of KEYID in a KEYREQUEST.
const REPORT_KEY: u8 = 3;
const REQUEST_KEYID: usize = 40;

/// One step of a call.
extern "C" fn step(work: &mut Work) -> Next {
    let Work { request, report, call, data, key, status, counter, stage, .. } = work;
    let first = *stage == 0;
    *stage += 1;
    match call.number {
        abi::ECHO => call.result = call.argument,
        abi::COUNT => {
            *counter = counter.wrapping_add(call.argument);
            call.result = *counter;
        }
        abi::UNDEFINED if first => return Next::Undefined,
        abi::WRITE_CODE if first => return Next::WriteCode,
        abi::UNDEFINED | abi::WRITE_CODE => call.result = call.argument,
        abi::REPORT if first => {
            copy(request, &call.buffer);
            fill(data, &call.argument.to_le_bytes());
            return Next::Report;
        }
        abi::REPORT => {
            copy(&mut call.buffer, report);
            call.result = 0;
        }
        abi::VERIFY if first => {
            fill(request, &[REPORT_KEY]);
            for i in 0..MAC - KEYID {
                request[REQUEST_KEYID + i] = call.buffer[KEYID + i];
            }
            return Next::GetKey;
        }
        abi::VERIFY if *status != 0 => call.result = abi::REFUSED,
        abi::VERIFY => {
            let mac = cmac::cmac(key, &call.buffer[..KEYID]);
            let difference = mac.iter().zip(&call.buffer[MAC..MAC + 16]).fold(0, |sum, (a, b)| sum | (a ^ b));
            call.result = if difference == 0 { abi::GENUINE } else { abi::FORGED };
            *key = [0; 16];
        }
        _ => call.result = abi::REFUSED,
    }
    Next::Leave
}

/// Copies a structure.
fn copy(to: &mut [u8; 512], from: &[u8; 512]) {
    for i in 0..512 {
        to[i] = from[i];
    }
}

/// `start`, and zeroes behind it.
fn fill<const N: usize>(to: &mut [u8; N], start: &[u8]) {
    for i in 0..N {
        to[i] = if i < start.len() { start[i] } else { 0 };
    }
}

// In the SSA frame of the interrupted call, to whose first byte GS points: GPRSGX ends the page.
const GPRSGX: usize = 4096 - 184;
const SSA_RIP: usize = GPRSGX + 136;
const SSA_EXITINFO: usize = GPRSGX + 160;
const SSA_MADDR: usize = GPRSGX - 16;

/// Bytes of the stack.
const STACK: usize = 4 * 4096;

#[expect(unsafe_code, reason = "the edge of the enclave is not expressible in safe code")]
mod edge {
    use super::*;

    global_asm!(
        ".pushsection .bss.work, \"aw\", @nobits",
        ".balign 4096",
        "stack:",
        ".zero {STACK}",
        "stack_top:",
        "work:",
        ".zero {WORK}",
        ".popsection",
        "",
        ".pushsection .text.enclave_entry, \"ax\", @progbits",
        ".globl enclave_entry",
        // RAX: CSSA. RCX: where to leave to. RDI: the call. RSP and RBP are the host's.
        "enclave_entry:",
        "    cld",
        "    mov r9, rax",
        // No byte of the call may lie in the enclave, or the host could have it write there.
        "    lea r8, [rip + __ehdr_start]",
        "    lea rax, [rdi + {CALL} - 1]",
        "    sub rax, r8",
        "    cmp rax, {ELRANGE} + {CALL} - 1",
        "    jb 9f",
        "    test r9, r9",
        "    jnz exception",
        "",
        "    mov rax, rsp",
        "    lea rsp, [rip + stack_top]",
        "    push rax",
        "    push rcx",
        "    push rdi",
        "    push rdi",
        "    lea rbx, [rip + work]",
        "    mov rsi, rdi",
        "    lea rdi, [rbx + {WORK_CALL}]",
        "    mov ecx, {CALL} / 8",
        "    rep movsq",
        "    mov qword ptr [rbx + {WORK_STAGE}], 0",
        "",
        "2:  mov rdi, rbx",
        "    call {step}",
        "    cmp eax, {REPORT}",
        "    je 3f",
        "    cmp eax, {GET_KEY}",
        "    je 4f",
        "    cmp eax, {UNDEFINED}",
        "    je undefined",
        "    cmp eax, {WRITE_CODE}",
        "    je 5f",
        "",
        "    lea rsi, [rbx + {WORK_CALL}]",
        "    mov rdi, [rsp]",
        "    mov ecx, {CALL} / 8",
        "    rep movsq",
        "    mov rcx, [rsp + 16]",
        "    mov rsp, [rsp + 24]",
        "",
        // Leaves for RCX. Nothing of what the enclave computed stays in a register.
        "9:  mov rbx, rcx",
        ".irp register, eax, ecx, edx, esi, edi, r8d, r9d, r10d, r11d",
        "    xor \\register, \\register",
        ".endr",
        ".irp number, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15",
        "    pxor xmm\\number, xmm\\number",
        ".endr",
        "    mov eax, 4",
        "    enclu",
        "",
        // EREPORT: RBX target, RCX data, RDX output.
        "3:  push rbx",
        "    lea rcx, [rbx + {WORK_DATA}]",
        "    lea rdx, [rbx + {WORK_REPORT}]",
        "    add rbx, {WORK_REQUEST}",
        "    xor eax, eax",
        "    enclu",
        "    pop rbx",
        "    jmp 2b",
        "",
        // EGETKEY: RBX request, RCX output.
        "4:  push rbx",
        "    lea rcx, [rbx + {WORK_KEY}]",
        "    add rbx, {WORK_REQUEST}",
        "    mov eax, 1",
        "    enclu",
        "    pop rbx",
        "    mov [rbx + {WORK_STATUS}], rax",
        "    jmp 2b",
        "",
        // The two faults; both instructions have two bytes.
        "undefined:",
        "    ud2",
        "    jmp 2b",
        "5:  lea rdi, [rip + enclave_entry]",
        "write_code:",
        "    mov [rdi], al",
        "    jmp 2b",
        "",
        // Steps over one of the two, if that is where the call was interrupted and why.
        "exception:",
        "    mov rax, -1",
        "    xor edx, edx",
        "    bt dword ptr gs:[{SSA_EXITINFO}], 31",
        "    jnc 7f",
        "    mov r8, gs:[{SSA_RIP}]",
        "    lea r9, [rip + undefined]",
        "    cmp r8, r9",
        "    je 6f",
        "    lea r9, [rip + write_code]",
        "    cmp r8, r9",
        "    jne 7f",
        "    mov rdx, gs:[{SSA_MADDR}]",
        "6:  add qword ptr gs:[{SSA_RIP}], 2",
        "    movzx eax, byte ptr gs:[{SSA_EXITINFO}]",
        "7:  mov [rdi + {CALL_RESULT}], rax",
        "    mov [rdi + {CALL_ARGUMENT}], rdx",
        "    jmp 9b",
        ".popsection",
        STACK = const STACK,
        WORK = const size_of::<Work>(),
        ELRANGE = const abi::ELRANGE,
        CALL = const size_of::<Call>(),
        CALL_RESULT = const offset_of!(Call, result),
        CALL_ARGUMENT = const offset_of!(Call, argument),
        WORK_CALL = const offset_of!(Work, call),
        WORK_STAGE = const offset_of!(Work, stage),
        WORK_DATA = const offset_of!(Work, data),
        WORK_REPORT = const offset_of!(Work, report),
        WORK_REQUEST = const offset_of!(Work, request),
        WORK_KEY = const offset_of!(Work, key),
        WORK_STATUS = const offset_of!(Work, status),
        REPORT = const Next::Report as u32,
        GET_KEY = const Next::GetKey as u32,
        UNDEFINED = const Next::Undefined as u32,
        WRITE_CODE = const Next::WriteCode as u32,
        SSA_RIP = const SSA_RIP,
        SSA_EXITINFO = const SSA_EXITINFO,
        SSA_MADDR = const SSA_MADDR,
        step = sym step,
    );
}

/// Nothing here panics; if it did, the enclave would hang rather than tell.
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}

//! `__vdso_sgx_enter_enclave`: what it refuses, and its ways out of an enclave.
//!
//! The ENCLU traps on every machine (nothing here is a TCS). The handler of the signal does what a
//! supervisor would: it writes down the registers and sends the thread out by EEXIT or through the fix-up.

use super::Copy;
use crate::{SgxEnclaveRun, code, offset};
use core::cell::{Cell, RefCell};
use core::ffi::c_void;
use std::sync::Once;

/// How the next ENCLU ends.
#[derive(Clone, Copy)]
enum Exit {
    /// EEXIT, with this in RDI, RSI and RDX and RSP lower by the fourth.
    Eexit([i64; 3], i64),
    /// An exception: EAX, then vector, error code and address.
    Exception(i64, [i64; 3]),
}

/// Registers at an ENCLU.
#[derive(Debug, Clone, Copy, Default)]
struct Entry {
    rax: i64,
    rbx: i64,
    rcx: i64,
    rdi: i64,
    rsi: i64,
    rdx: i64,
    r8: i64,
    r9: i64,
}

/// Arguments of a call of the exit handler; `misaligned` is how far its stack is from what the ABI says.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Call {
    args: [u64; 3],
    r8: u64,
    r9: u64,
    rsp: u64,
    misaligned: usize,
}

thread_local! {
    static ENCLU: Cell<usize> = const { Cell::new(0) };
    static EXITS: RefCell<Vec<Exit>> = const { RefCell::new(Vec::new()) };
    static ENTRIES: RefCell<Vec<Entry>> = const { RefCell::new(Vec::new()) };
    static CALLS: RefCell<Vec<Call>> = const { RefCell::new(Vec::new()) };
    static ANSWERS: RefCell<Vec<i32>> = const { RefCell::new(Vec::new()) };
}

extern "C" fn on_trap(signal: i32, _info: *mut libc::siginfo_t, context: *mut c_void) {
    // SAFETY: the kernel hands a handler with SA_SIGINFO a ucontext that is ours until it returns.
    let context = unsafe { &mut *context.cast::<libc::ucontext_t>() };
    let regs = &mut context.uc_mcontext.gregs;
    let reg = |index: i32| usize::try_from(index).unwrap();
    let enclu = ENCLU.get();
    let exit = EXITS.with_borrow_mut(|exits| if exits.is_empty() { None } else { Some(exits.remove(0)) });
    let Some(exit) = exit.filter(|_| regs[reg(libc::REG_RIP)].cast_unsigned() == enclu as u64) else {
        // SAFETY: back to the default action, by which the fault ends the process.
        unsafe { libc::signal(signal, libc::SIG_DFL) };
        return;
    };
    let [rax, rbx, rcx, rdi, rsi, rdx, r8, r9] = [
        libc::REG_RAX,
        libc::REG_RBX,
        libc::REG_RCX,
        libc::REG_RDI,
        libc::REG_RSI,
        libc::REG_RDX,
        libc::REG_R8,
        libc::REG_R9,
    ]
    .map(|index| regs[reg(index)]);
    ENTRIES.with_borrow_mut(|entries| entries.push(Entry { rax, rbx, rcx, rdi, rsi, rdx, r8, r9 }));
    let (rip, args) = match exit {
        Exit::Eexit(args, stack) => {
            regs[reg(libc::REG_RSP)] -= stack;
            (enclu + 3, args)
        }
        Exit::Exception(eax, args) => {
            regs[reg(libc::REG_RAX)] = eax;
            (enclu - offset::enclu() + offset::fixup(), args)
        }
    };
    if matches!(exit, Exit::Eexit(..)) {
        // An enclave leaves these as it likes.
        for index in [libc::REG_RBX, libc::REG_RCX] {
            regs[reg(index)] = -1;
        }
    }
    regs[reg(libc::REG_RIP)] = i64::try_from(rip).unwrap();
    [regs[reg(libc::REG_RDI)], regs[reg(libc::REG_RSI)], regs[reg(libc::REG_RDX)]] = args;
}

extern "C" fn on_exit(
    rdi: u64,
    rsi: u64,
    rdx: u64,
    rsp: u64,
    r8: u64,
    r9: u64,
    run: *mut SgxEnclaveRun,
) -> i32 {
    // SAFETY: run is the caller's own structure, which nobody else uses during the call.
    let run = unsafe { &mut *run };
    run.user_data += 1;
    // The compiler takes an aligned stack for granted, so this lies wrong where the stack does.
    let local = 0_u128;
    let misaligned = core::hint::black_box(&raw const local).addr() % 16;
    CALLS.with_borrow_mut(|calls| calls.push(Call { args: [rdi, rsi, rdx], r8, r9, rsp, misaligned }));
    ANSWERS.with_borrow_mut(|answers| answers.remove(0))
}

type Enter = extern "C" fn(u64, u64, u64, u32, u64, u64, *mut SgxEnclaveRun) -> i32;

/// Calls a copy of the function; each ENCLU ends as `exits` say, each exit handler answers as `answers` say.
fn enter(function: u32, run: &mut SgxEnclaveRun, exits: &[Exit], answers: &[i32]) -> i32 {
    static INSTALL: Once = Once::new();
    INSTALL.call_once(|| {
        for signal in [libc::SIGILL, libc::SIGSEGV, libc::SIGBUS] {
            // SAFETY: a sigaction of zeroes is a valid value.
            let mut action: libc::sigaction = unsafe { core::mem::zeroed() };
            action.sa_flags = libc::SA_SIGINFO;
            action.sa_sigaction = on_trap as *const () as usize;
            // SAFETY: the action is complete, and its handler touches only what belongs to its thread.
            unsafe { libc::sigaction(signal, &raw const action, core::ptr::null_mut()) };
        }
    });
    let copy = Copy::of(code());
    ENCLU.set(copy.address(offset::enclu()));
    EXITS.with_borrow_mut(|list| *list = exits.to_vec());
    ANSWERS.with_borrow_mut(|list| *list = answers.to_vec());
    ENTRIES.take();
    CALLS.take();
    // SAFETY: at this address of the copy stands a function of this type.
    let call: Enter = unsafe { core::mem::transmute(copy.address(offset::enter_enclave())) };
    let result = call(0x11, 0x22, 0x33, function, 0x88, 0x99, run);
    assert!(EXITS.with_borrow(Vec::is_empty), "the ENCLU ran less often than expected");
    result
}

const fn run() -> SgxEnclaveRun {
    SgxEnclaveRun {
        tcs: 0x1000,
        function: 0x77,
        exception_vector: 0x55,
        exception_error_code: 0x66,
        exception_addr: 0x44,
        user_handler: 0,
        user_data: 0,
        reserved: [0; 27],
    }
}

fn run_with_handler() -> SgxEnclaveRun {
    SgxEnclaveRun { user_handler: on_exit as *const () as u64, ..run() }
}

fn entries() -> Vec<Entry> {
    ENTRIES.take()
}

#[test]
fn other_functions_than_eenter_and_eresume_are_refused() {
    for function in [0, 1, 4, 5, 0x8000_0002, u32::MAX] {
        assert_eq!(enter(function, &mut run(), &[], &[]), -libc::EINVAL, "{function}");
    }
}

#[test]
fn each_reserved_byte_must_be_zero() {
    for byte in 0..216 {
        let mut run = run();
        run.reserved[byte / 8] = 1 << (byte % 8 * 8);
        assert_eq!(enter(2, &mut run, &[], &[]), -libc::EINVAL, "{byte}");
        assert_eq!(run.function, 0x77);
    }
}

#[test]
fn enclave_gets_the_arguments_and_the_enclu_as_aep() {
    for function in [2, 3] {
        let mut run = run();
        assert_eq!(enter(function, &mut run, &[Exit::Eexit([0; 3], 0)], &[]), 0);
        let entry = entries()[0];
        assert_eq!((entry.rax, entry.rbx), (i64::from(function), 0x1000));
        assert_eq!(entry.rcx.cast_unsigned(), ENCLU.get() as u64);
        assert_eq!([entry.rdi, entry.rsi, entry.rdx, entry.r8, entry.r9], [0x11, 0x22, 0x33, 0x88, 0x99]);
    }
}

#[test]
fn eexit_is_reported_and_leaves_the_exception_fields() {
    let mut run = run();
    assert_eq!(enter(2, &mut run, &[Exit::Eexit([0; 3], 0)], &[]), 0);
    assert_eq!(run.function, 4);
    assert_eq!((run.exception_vector, run.exception_error_code, run.exception_addr), (0x55, 0x66, 0x44));
}

#[test]
fn exception_is_reported_with_result_zero() {
    let mut run = run();
    let fault = Exit::Exception(3, [14, 0x1_8006, 0x7fff_0000_1000]);
    assert_eq!(enter(2, &mut run, &[fault], &[]), 0);
    assert_eq!((run.function, run.exception_vector), (3, 14));
    assert_eq!((run.exception_error_code, run.exception_addr), (0x8006, 0x7fff_0000_1000));
}

#[test]
fn handler_sees_the_exit_and_its_answer_is_the_result() {
    for answer in [0, -1, i32::MIN] {
        let mut run = run_with_handler();
        assert_eq!(enter(2, &mut run, &[Exit::Eexit([7, 8, 9], 0)], &[answer]), answer);
        let calls = CALLS.take();
        assert_eq!((calls.len(), run.user_data, run.function), (1, 1, 4));
        assert_eq!((calls[0].args, calls[0].r8, calls[0].r9), ([7, 8, 9], 0x88, 0x99));
    }
}

#[test]
fn handler_of_an_exception_gets_vector_error_code_and_address() {
    let mut run = run_with_handler();
    assert_eq!(enter(2, &mut run, &[Exit::Exception(2, [13, 5, 0])], &[-7]), -7);
    assert_eq!(CALLS.take()[0].args, [13, 5, 0]);
    assert_eq!((run.function, run.exception_vector, run.exception_error_code), (2, 13, 5));
}

#[test]
fn handler_is_called_on_the_stack_of_the_exit() {
    let mut run = run_with_handler();
    // The second exit does not give the stack back, which only a handler that enters again can want.
    let exits = [0, 1000, -1000].map(|stack| Exit::Eexit([0; 3], stack));
    assert_eq!(enter(2, &mut run, &exits, &[3, 3, 0]), 0);
    let calls = CALLS.take();
    assert_eq!(calls[0].rsp - calls[1].rsp, 1000);
    assert_eq!(calls[2].rsp, calls[0].rsp);
    assert!(calls.iter().all(|call| call.misaligned == 0));
}

#[test]
fn handler_can_enter_again_with_the_tcs_of_then() {
    let mut run = run_with_handler();
    let exits = [Exit::Exception(3, [6, 0, 0]), Exit::Eexit([1, 2, 3], 0)];
    assert_eq!(enter(2, &mut run, &exits, &[3, 0]), 0);
    let entries = entries();
    assert_eq!(entries.iter().map(|entry| entry.rax).collect::<Vec<_>>(), [2, 3]);
    assert_eq!((entries[1].rbx, run.user_data, run.function), (0x1000, 2, 4));
}

#[test]
fn handler_cannot_enter_with_another_function() {
    let mut run = run_with_handler();
    assert_eq!(enter(2, &mut run, &[Exit::Eexit([0; 3], 0)], &[4]), -libc::EINVAL);
}

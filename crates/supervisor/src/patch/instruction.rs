//! What the instruction at a trap wanted.

mod illegal;
#[cfg(test)]
mod tests;

pub(crate) use illegal::{Name, is_illegal_inside};

use anyclave_cpu::Access;
use anyclave_sys::ptrace::Regs;
use iced_x86::{Decoder, DecoderOptions, InstructionInfoFactory, OpAccess, Register, UsedMemory};

/// The longest instruction.
pub(crate) const MAX_LENGTH: usize = 15;
/// A page of the processor.
const PAGE: u64 = 4096;

/// How the instruction at `regs.rip`, of which `bytes` could be read, touched `fault_address`.
///
/// The address may be exact or rounded down to its page. An instruction with several memory operands is
/// decided by the one that covers the address, else by the one nearest to it. Bytes that are no instruction
/// that touches memory are taken for a load, which asks for the least.
pub(crate) fn decode_access(bytes: &[u8], regs: &Regs, fault_address: u64) -> Access {
    let bytes = &bytes[..bytes.len().min(MAX_LENGTH)];
    let instruction = Decoder::with_ip(64, bytes, regs.rip, DecoderOptions::NONE).decode();
    let fetched = fault_address.wrapping_sub(regs.rip);
    if instruction.is_invalid() {
        return if fetched < MAX_LENGTH as u64 { Access::Fetch } else { Access::Read };
    }
    // A fetch faults at the first byte, or where the instruction goes on in another page.
    let starts_page = fault_address.is_multiple_of(PAGE);
    if fetched == 0 || starts_page && fetched < instruction.len() as u64 {
        return Access::Fetch;
    }
    let mut factory = InstructionInfoFactory::new();
    let operands = factory.info(&instruction).used_memory().iter();
    let best = operands.min_by_key(|operand| {
        let access = access_of(operand);
        (distance(operand, regs, fault_address), access != Access::Write)
    });
    best.map_or(Access::Read, access_of)
}

fn access_of(operand: &UsedMemory) -> Access {
    match operand.access() {
        OpAccess::Write
        | OpAccess::CondWrite
        | OpAccess::ReadWrite
        // A comparison that fails stores the old value back: the processor wants the right in any case.
        | OpAccess::ReadCondWrite => Access::Write,
        // Cache control touches as a load does.
        OpAccess::None | OpAccess::Read | OpAccess::CondRead | OpAccess::NoMemAccess => Access::Read,
    }
}

/// How far an operand is from an address: whether it is not at it, whether not in its page, and in bytes.
fn distance(operand: &UsedMemory, regs: &Regs, address: u64) -> (bool, bool, u64) {
    let Some(start) = operand.virtual_address(0, |register, _, _| value_of(register, regs)) else {
        return (true, true, u64::MAX);
    };
    let last = start.wrapping_add((operand.memory_size().size() as u64).saturating_sub(1));
    let outside = address < start || address > last;
    let page = address / PAGE;
    let other_page = page < start / PAGE || page > last / PAGE;
    (outside, other_page, address.abs_diff(start))
}

/// Value of a register, or base of a segment.
fn value_of(register: Register, regs: &Regs) -> Option<u64> {
    let value = match register.full_register() {
        Register::RAX => regs.rax,
        Register::RBX => regs.rbx,
        Register::RCX => regs.rcx,
        Register::RDX => regs.rdx,
        Register::RSI => regs.rsi,
        Register::RDI => regs.rdi,
        Register::RBP => regs.rbp,
        Register::RSP => regs.rsp,
        Register::R8 => regs.r8,
        Register::R9 => regs.r9,
        Register::R10 => regs.r10,
        Register::R11 => regs.r11,
        Register::R12 => regs.r12,
        Register::R13 => regs.r13,
        Register::R14 => regs.r14,
        Register::R15 => regs.r15,
        Register::FS => return Some(regs.fs_base),
        Register::GS => return Some(regs.gs_base),
        Register::CS | Register::DS | Register::ES | Register::SS => return Some(0),
        _ => return None,
    };
    // Indices in vector registers are not known here.
    match register.size() {
        8 => Some(value),
        4 => Some(value & u64::from(u32::MAX)),
        2 => Some(value & u64::from(u16::MAX)),
        _ => Some(value),
    }
}

/// Length of the ENCLU that `bytes` begin with, or nothing if they begin with something else.
///
/// Segment overrides, the address-size prefix and REX change nothing about it; behind any other prefix the
/// opcode means something else or nothing.
pub(crate) fn enclu_length(bytes: &[u8]) -> Option<usize> {
    const ENCLU: [u8; 3] = [0x0f, 0x01, 0xd7];
    let ignored = |byte: &u8| matches!(byte, 0x26 | 0x2e | 0x36 | 0x3e | 0x64 | 0x65 | 0x67 | 0x40..=0x4f);
    let prefixes = bytes.iter().take_while(|byte| ignored(byte)).count();
    let length = prefixes + ENCLU.len();
    (length <= MAX_LENGTH && bytes[prefixes..].starts_with(&ENCLU)).then_some(length)
}

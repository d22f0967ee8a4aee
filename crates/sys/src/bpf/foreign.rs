//! Filters that programs write: taken apart as far as the kernel needs them, put behind a filter of ours, and
//! run here.

use super::run::words;
use super::{Action, Insn, Program, SeccompData};

/// `BPF_MAXINSNS`.
const MAX_LEN: usize = 4096;
/// Words of the scratch store M[].
const SCRATCH: usize = 16;

/// A filter as a program hands it to the kernel. Whether it is a valid one the kernel says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Foreign(Vec<Insn>);

impl From<&Program> for Foreign {
    fn from(program: &Program) -> Self {
        Self(program.insns().to_vec())
    }
}

impl Foreign {
    /// The instructions in the kernel's form, eight bytes each; what is left over is dropped.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Self {
        let (insns, _) = bytes.as_chunks::<8>();
        let insn = |&[a, b, jump_true, jump_false, k @ ..]: &[u8; 8]| Insn {
            code: u16::from_ne_bytes([a, b]),
            jump_true,
            jump_false,
            k: u32::from_ne_bytes(k),
        };
        Self(insns.iter().map(insn).collect())
    }

    /// This filter behind another, whose last instruction gives way to it. None if both are too long together.
    #[must_use]
    pub fn behind(&self, first: &Program) -> Option<Program> {
        let (_, first) = first.insns().split_last()?;
        let whole = [first, &self.0].concat();
        (whole.len() <= MAX_LEN).then_some(Program(whole))
    }

    /// What it decides of a system call. A filter that the kernel would refuse kills.
    #[must_use]
    pub fn run(&self, data: &SeccompData) -> Action {
        Action::from_raw(self.value(data).unwrap_or(libc::SECCOMP_RET_KILL_PROCESS))
    }

    /// What it returns; None where the kernel would have refused it.
    fn value(&self, data: &SeccompData) -> Option<u32> {
        let words = words(data);
        let load = |k: u32| words.get(usize::try_from(k / 4).ok()?).copied();
        let (mut a, mut x, mut memory) = (0_u32, 0_u32, [0_u32; SCRATCH]);
        let mut at = 0_usize;
        loop {
            // Jumps go forward only, so this comes to an end.
            let insn = self.0.get(at)?;
            at += 1;
            let k = insn.k;
            let slot = usize::try_from(k).ok()?;
            let operand = if insn.code & SOURCE_X == 0 { k } else { x };
            let mut branch = |taken: bool| {
                at += usize::from(if taken { insn.jump_true } else { insn.jump_false });
            };
            match insn.code {
                0x20 => a = load(k)?,
                0x00 => a = k,
                0x01 => x = k,
                // The length of the data, which are all there is.
                0x80 => a = DATA_BYTES,
                0x81 => x = DATA_BYTES,
                0x60 => a = *memory.get(slot)?,
                0x61 => x = *memory.get(slot)?,
                0x02 => *memory.get_mut(slot)? = a,
                0x03 => *memory.get_mut(slot)? = x,
                0x07 => x = a,
                0x87 => a = x,
                0x05 => at = at.checked_add(slot)?,
                0x15 | 0x1d => branch(a == operand),
                0x25 | 0x2d => branch(a > operand),
                0x35 | 0x3d => branch(a >= operand),
                0x45 | 0x4d => branch(a & operand != 0),
                0x06 => return Some(k),
                0x16 => return Some(a),
                code if code & CLASS == ALU => match arithmetic(code, a, operand) {
                    Some(value) => a = value,
                    // A division by X = 0 ends a filter with 0.
                    None => return Some(0),
                },
                _ => return None,
            }
        }
    }
}

/// `sizeof(struct seccomp_data)`.
const DATA_BYTES: u32 = 64;
/// BPF_X: the operand is X and not K.
const SOURCE_X: u16 = 0x08;
/// BPF_CLASS and BPF_ALU.
const CLASS: u16 = 0x07;
const ALU: u16 = 0x04;

/// An instruction of the class ALU. None for a division by zero, or for an operation that does not exist.
fn arithmetic(code: u16, a: u32, operand: u32) -> Option<u32> {
    Some(match code & 0xf0 {
        0x00 => a.wrapping_add(operand),
        0x10 => a.wrapping_sub(operand),
        0x20 => a.wrapping_mul(operand),
        0x30 => a.checked_div(operand)?,
        0x40 => a | operand,
        0x50 => a & operand,
        0x60 => a.wrapping_shl(operand),
        0x70 => a.wrapping_shr(operand),
        0x80 => a.wrapping_neg(),
        0xa0 => a ^ operand,
        _ => return None,
    })
}

#[cfg(test)]
mod tests;

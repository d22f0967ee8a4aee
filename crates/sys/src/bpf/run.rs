//! What the kernel would decide, computed here.

use super::build::{ALU_AND_K, JMP_JA, JMP_JEQ_K, JMP_JGE_K, JMP_JGT_K, JMP_JSET_K, LD_W_ABS, RET_K};
use super::{Action, Program, SeccompData};

impl Program {
    /// Runs the program for one system call.
    #[must_use]
    pub fn run(&self, data: &SeccompData) -> Action {
        let words = words(data);
        let mut accumulator = 0;
        let mut at = 0_usize;
        // The builder lets jumps only go forward and never off the end, so this ends at a RET.
        while let Some(insn) = self.insns().get(at) {
            let branch = |taken| usize::from(if taken { insn.jump_true } else { insn.jump_false });
            at += 1;
            match insn.code {
                LD_W_ABS => accumulator = words.get(insn.k as usize / 4).copied().unwrap_or(0),
                ALU_AND_K => accumulator &= insn.k,
                JMP_JA => at += insn.k as usize,
                JMP_JEQ_K => at += branch(accumulator == insn.k),
                JMP_JGT_K => at += branch(accumulator > insn.k),
                JMP_JGE_K => at += branch(accumulator >= insn.k),
                JMP_JSET_K => at += branch(accumulator & insn.k != 0),
                RET_K => return Action::from_raw(insn.k),
                _ => break,
            }
        }
        Action::KillProcess
    }
}

/// The sixteen 32-bit words of the data, in memory order.
#[expect(clippy::cast_possible_truncation, reason = "a 64-bit word is split in two")]
pub(super) fn words(data: &SeccompData) -> [u32; 16] {
    let mut words = [0; 16];
    words[0] = data.nr;
    words[1] = data.arch;
    words[2] = data.instruction_pointer as u32;
    words[3] = (data.instruction_pointer >> 32) as u32;
    for (arg, pair) in data.args.iter().zip(words[4..].chunks_exact_mut(2)) {
        pair[0] = *arg as u32;
        pair[1] = (arg >> 32) as u32;
    }
    words
}

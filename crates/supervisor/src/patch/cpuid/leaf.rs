//! Which leaf a CPUID instruction asks for.
//!
//! Nearly every CPUID stands right behind the instruction that puts a constant into EAX. Where the machine
//! answers that leaf as the host does, the instruction can stay as it is, and the program pays nothing for us.
//! A place counts only if no jump leads between the two instructions; what is not sure has no known leaf.

use core::ops::RangeInclusive;
use iced_x86::{Code, FlowControl, Instruction, InstructionInfoFactory, OpKind, Register};

/// What EAX holds while a function is decoded from its start.
pub(super) struct Eax {
    factory: InstructionInfoFactory,
    constant: Option<Constant>,
}

/// A constant in EAX.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Constant {
    pub(super) value: u32,
    /// Where the instruction behind the one that set it starts.
    pub(super) since: usize,
}

impl Eax {
    /// Nothing is known yet.
    pub(super) fn new() -> Self {
        Self { factory: InstructionInfoFactory::new(), constant: None }
    }

    /// The constant it holds.
    pub(super) const fn constant(&self) -> Option<Constant> {
        self.constant
    }

    /// An instruction that ends at `end` was decoded.
    pub(super) fn after(&mut self, instruction: &Instruction, end: usize) {
        if let Some(value) = constant_of(instruction) {
            self.constant = Some(Constant { value, since: end });
        } else if self.constant.is_some() && self.is_lost(instruction) {
            self.constant = None;
        }
    }

    fn is_lost(&mut self, instruction: &Instruction) -> bool {
        if instruction.is_invalid() || instruction.flow_control() != FlowControl::Next {
            return true;
        }
        let info = self.factory.info(instruction);
        info.used_registers().iter().any(|used| {
            used.register().full_register() == Register::RAX
                && !matches!(used.access(), iced_x86::OpAccess::Read | iced_x86::OpAccess::CondRead)
        })
    }
}

/// The constant that an instruction puts into EAX.
fn constant_of(instruction: &Instruction) -> Option<u32> {
    let to_eax = matches!(instruction.op0_register(), Register::EAX | Register::RAX);
    match instruction.code() {
        Code::Mov_r32_imm32 | Code::Mov_rm32_imm32 | Code::Mov_rm64_imm32 if to_eax => {
            Some(instruction.immediate32())
        }
        Code::Xor_r32_rm32 | Code::Xor_rm32_r32
            if to_eax
                && instruction.op1_kind() == OpKind::Register
                && instruction.op1_register() == Register::EAX =>
        {
            Some(0)
        }
        _ => None,
    }
}

/// Text of which more would take too long to search for jumps.
const MAX_TEXT: usize = 32 << 20;

/// Takes the leaf from every site into whose way a jump of `text` may lead. `ways` are the offsets, rising, from behind
/// the instruction that sets EAX to the CPUID, of sites in the order in which `leaves` has theirs.
///
/// Whatever could be the displacement of a direct jump counts as one. A jump by a table is not seen: what it
/// leads to would have to find its leaf in EAX already.
pub(super) fn forget_jumped_into(text: &[u8], ways: &[RangeInclusive<usize>], leaves: &mut [Option<u32>]) {
    if text.len() > MAX_TEXT {
        leaves.fill(None);
        return;
    }
    let (Some(first), Some(last)) = (ways.first(), ways.last()) else { return };
    let span = *first.start()..=*last.end();
    let mut reaches = |target: Option<usize>| {
        let Some(target) = target.filter(|target| span.contains(target)) else { return };
        let way = ways.partition_point(|way| *way.end() < target);
        if ways.get(way).is_some_and(|way| way.contains(&target))
            && let Some(leaf) = leaves.get_mut(way)
        {
            *leaf = None;
        }
    };
    for (at, bytes) in text.windows(4).enumerate() {
        let Some(word) = bytes.first_chunk() else { continue };
        reaches((at + 4).checked_add_signed(i32::from_le_bytes(*word) as isize));
    }
    for (at, bytes) in text.windows(2).enumerate() {
        if let [0x70..=0x7f | 0xe0..=0xe3 | 0xeb, displacement] = bytes {
            reaches((at + 2).checked_add_signed(displacement.cast_signed().into()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use iced_x86::{Decoder, DecoderOptions};

    /// What EAX holds behind all of `code`.
    fn held(code: &[u8]) -> Option<u32> {
        let mut decoder = Decoder::new(64, code, DecoderOptions::NONE);
        let mut eax = Eax::new();
        while decoder.can_decode() {
            let instruction = decoder.decode();
            eax.after(&instruction, decoder.position());
        }
        eax.constant().map(|constant| constant.value)
    }

    const MOV_4: [u8; 5] = [0xb8, 4, 0, 0, 0];

    #[test]
    fn constants_are_known_until_eax_changes() {
        assert_eq!(held(&MOV_4), Some(4));
        assert_eq!(held(&[0x31, 0xc0]), Some(0));
        assert_eq!(held(&[0x48, 0xc7, 0xc0, 7, 0, 0, 0]), Some(7));
        let then = |code: &[u8]| held(&[&MOV_4, code].concat());
        // xor ecx,ecx; mov [rsp],eax; cmp eax,ecx
        assert_eq!(then(&[0x31, 0xc9, 0x89, 0x04, 0x24, 0x39, 0xc8]), Some(4));
        // mov al,cl; inc eax; pop rax; xchg eax,ecx; cpuid; xor eax,ecx
        for code in [&[0x88, 0xc8][..], &[0xff, 0xc0], &[0x58], &[0x91], &[0x0f, 0xa2], &[0x31, 0xc8]] {
            assert_eq!(then(code), None, "{code:x?}");
        }
        // call, jz, ret
        for code in [&[0xe8, 0, 0, 0, 0][..], &[0x74, 0], &[0xc3]] {
            assert_eq!(then(code), None, "{code:x?}");
        }
    }

    #[test]
    fn a_jump_between_the_two_instructions_takes_the_leaf() {
        let ways = [10..=12, 40..=44];
        let forgotten = |text: &[u8]| {
            let mut leaves = [Some(1), Some(4)];
            forget_jumped_into(text, &ways, &mut leaves);
            leaves
        };
        let mut text = [0x90; 64];
        assert_eq!(forgotten(&text), [Some(1), Some(4)]);
        // jmp short to 41
        text[20..22].copy_from_slice(&[0xeb, 19]);
        assert_eq!(forgotten(&text), [Some(1), None]);
        // jmp to 10
        text[50..55].copy_from_slice(&[0xe9, 0xd3, 0xff, 0xff, 0xff]);
        assert_eq!(forgotten(&text), [None, None]);
        assert_eq!(forgotten(&vec![0; MAX_TEXT + 1]), [None, None]);
    }
}

//! Instructions that no enclave may execute.

use std::fmt;

use iced_x86::{Code, Decoder, DecoderOptions, Instruction, Mnemonic};

/// Whether `bytes` begin with an instruction that is #UD in enclave mode, whatever it is elsewhere, and whatever
/// its operands are. SDM vol. 3D, chapter on enclave operation, illegal instructions; user interrupts (vol. 1)
/// add theirs.
///
/// Privileged instructions that are not among them raise the #GP that they raise everywhere. RDTSC and RDTSCP
/// are legal where a processor has SGX2.
pub(crate) fn is_illegal_inside(bytes: &[u8]) -> bool {
    let instruction = decode(bytes);
    !instruction.is_invalid()
        && (may_exit_to_a_monitor(&instruction)
            || does_io(&instruction)
            || may_change_a_segment(&instruction))
}

fn decode(bytes: &[u8]) -> Instruction {
    Decoder::new(64, bytes, DecoderOptions::NONE).decode()
}

/// The instruction that bytes begin with, in the manual's words.
pub(crate) struct Name<'a>(pub(crate) &'a [u8]);

impl fmt::Display for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let instruction = decode(self.0);
        let name = format!("{:?}", instruction.mnemonic()).to_uppercase();
        match instruction.mnemonic() {
            Mnemonic::Call | Mnemonic::Jmp => write!(f, "far {name}"),
            Mnemonic::Mov | Mnemonic::Pop => write!(f, "{name} to a segment register"),
            _ => f.write_str(&name),
        }
    }
}

/// What a virtual machine monitor may intercept, or would tell of the operating system.
fn may_exit_to_a_monitor(instruction: &Instruction) -> bool {
    use Mnemonic::{
        Clui, Cpuid, Getsec, Getsecq, Rdpmc, Senduipi, Sgdt, Sidt, Sldt, Smsw, Str, Stui, Testui, Uiret,
        Vmcall, Vmfunc,
    };
    matches!(
        instruction.mnemonic(),
        Cpuid
            | Getsec
            | Getsecq
            | Rdpmc
            | Sgdt
            | Sidt
            | Sldt
            | Str
            | Smsw
            | Vmcall
            | Vmfunc
            | Clui
            | Stui
            | Testui
            | Uiret
            | Senduipi
    )
}

/// Access to ports.
fn does_io(instruction: &Instruction) -> bool {
    use Mnemonic::{In, Insb, Insd, Insw, Out, Outsb, Outsd, Outsw};
    matches!(instruction.mnemonic(), In | Insb | Insw | Insd | Out | Outsb | Outsw | Outsd)
}

/// What loads a segment register, CS included, or asks for another privilege level.
fn may_change_a_segment(instruction: &Instruction) -> bool {
    use Mnemonic::{Int, Into, Iret, Iretd, Iretq, Lds, Les, Lfs, Lgs, Lss, Retf, Syscall, Sysenter};
    let by_name = matches!(
        instruction.mnemonic(),
        Int | Into | Iret | Iretd | Iretq | Lds | Les | Lfs | Lgs | Lss | Retf | Syscall | Sysenter
    );
    let by_operand = matches!(
        instruction.code(),
        Code::Mov_Sreg_rm16
            | Code::Mov_Sreg_r32m16
            | Code::Mov_Sreg_r64m16
            | Code::Popw_FS
            | Code::Popq_FS
            | Code::Popw_GS
            | Code::Popq_GS
    );
    by_name || by_operand || instruction.is_jmp_far_indirect() || instruction.is_call_far_indirect()
}

#[cfg(test)]
mod tests {
    use super::{Name, is_illegal_inside};
    use proptest::prelude::*;

    #[test]
    fn all_of_the_manuals_list_are_known() {
        let illegal: &[(&str, &[u8])] = &[
            ("cpuid", &[0x0f, 0xa2]),
            ("getsec", &[0x0f, 0x37]),
            ("rdpmc", &[0x0f, 0x33]),
            ("sgdt [rax]", &[0x0f, 0x01, 0x00]),
            ("sidt [rax]", &[0x0f, 0x01, 0x08]),
            ("sldt ax", &[0x66, 0x0f, 0x00, 0xc0]),
            ("sldt eax", &[0x0f, 0x00, 0xc0]),
            ("str [rax]", &[0x0f, 0x00, 0x08]),
            ("smsw eax", &[0x0f, 0x01, 0xe0]),
            ("smsw [rax]", &[0x0f, 0x01, 0x20]),
            ("vmcall", &[0x0f, 0x01, 0xc1]),
            ("vmfunc", &[0x0f, 0x01, 0xd4]),
            ("in al, 80h", &[0xe4, 0x80]),
            ("in eax, dx", &[0xed]),
            ("out 80h, al", &[0xe6, 0x80]),
            ("out dx, ax", &[0x66, 0xef]),
            ("rep insb", &[0xf3, 0x6c]),
            ("insd", &[0x6d]),
            ("rep outsw", &[0x66, 0xf3, 0x6f]),
            ("outsb", &[0x6e]),
            ("call far [rax]", &[0xff, 0x18]),
            ("call far [rax], 64 bits", &[0x48, 0xff, 0x18]),
            ("jmp far [rax]", &[0xff, 0x28]),
            ("jmp far [rax], 64 bits", &[0x48, 0xff, 0x28]),
            ("retf", &[0xcb]),
            ("retf 8", &[0xca, 8, 0]),
            ("retfq", &[0x48, 0xcb]),
            ("int 3, two bytes", &[0xcd, 3]),
            ("int 80h", &[0xcd, 0x80]),
            ("iretd", &[0xcf]),
            ("iretq", &[0x48, 0xcf]),
            ("lss rax, [rax]", &[0x48, 0x0f, 0xb2, 0x00]),
            ("lfs eax, [rax]", &[0x0f, 0xb4, 0x00]),
            ("lgs ax, [rax]", &[0x66, 0x0f, 0xb5, 0x00]),
            ("mov ds, eax", &[0x8e, 0xd8]),
            ("mov es, [rax]", &[0x8e, 0x00]),
            ("mov ss, rax", &[0x48, 0x8e, 0xd0]),
            ("mov fs, ax", &[0x66, 0x8e, 0xe0]),
            ("mov gs, r8d", &[0x41, 0x8e, 0xe8]),
            ("pop fs", &[0x0f, 0xa1]),
            ("pop gs, two bytes", &[0x66, 0x0f, 0xa9]),
            ("syscall", &[0x0f, 0x05]),
            ("sysenter", &[0x0f, 0x34]),
            ("uiret", &[0xf3, 0x0f, 0x01, 0xec]),
            ("testui", &[0xf3, 0x0f, 0x01, 0xed]),
            ("clui", &[0xf3, 0x0f, 0x01, 0xee]),
            ("stui", &[0xf3, 0x0f, 0x01, 0xef]),
            ("senduipi rax", &[0xf3, 0x0f, 0xc7, 0xf0]),
            ("in al, dx behind a segment override", &[0x2e, 0xec]),
        ];
        for (name, bytes) in illegal {
            assert!(is_illegal_inside(bytes), "{name}");
        }
    }

    #[test]
    fn their_neighbours_are_not() {
        let others: &[(&str, &[u8])] = &[
            ("int3", &[0xcc]),
            ("int1", &[0xf1]),
            ("ud2", &[0x0f, 0x0b]),
            ("hlt", &[0xf4]),
            ("cli", &[0xfa]),
            ("rdmsr", &[0x0f, 0x32]),
            ("wbinvd", &[0x0f, 0x09]),
            ("lgdt [rax]", &[0x0f, 0x01, 0x10]),
            ("lidt [rax]", &[0x0f, 0x01, 0x18]),
            ("lldt ax", &[0x0f, 0x00, 0xd0]),
            ("ltr ax", &[0x0f, 0x00, 0xd8]),
            ("verr ax", &[0x0f, 0x00, 0xe0]),
            ("lar eax, eax", &[0x0f, 0x02, 0xc0]),
            ("lsl eax, eax", &[0x0f, 0x03, 0xc0]),
            ("lmsw ax", &[0x0f, 0x01, 0xf0]),
            ("swapgs", &[0x0f, 0x01, 0xf8]),
            ("rdtsc", &[0x0f, 0x31]),
            ("rdtscp", &[0x0f, 0x01, 0xf9]),
            ("xgetbv", &[0x0f, 0x01, 0xd0]),
            ("xsetbv", &[0x0f, 0x01, 0xd1]),
            ("rdrand eax", &[0x0f, 0xc7, 0xf0]),
            ("rdpid rax", &[0xf3, 0x0f, 0xc7, 0xf8]),
            ("wrfsbase rax", &[0xf3, 0x48, 0x0f, 0xae, 0xd0]),
            ("mov eax, ds", &[0x8c, 0xd8]),
            ("mov cr0, rax", &[0x0f, 0x22, 0xc0]),
            ("push fs", &[0x0f, 0xa0]),
            ("call [rax]", &[0xff, 0x10]),
            ("jmp [rax]", &[0xff, 0x20]),
            ("ret", &[0xc3]),
            ("enclu", &[0x0f, 0x01, 0xd7]),
            ("popf", &[0x9d]),
            ("a vector instruction where LDS was", &[0xc5, 0xf8, 0x77]),
            ("mov cs, eax: no instruction", &[0x8e, 0xc8]),
            ("into: none in 64-bit mode", &[0xce]),
            ("cut off", &[0x0f]),
            ("nothing", &[]),
        ];
        for (name, bytes) in others {
            assert!(!is_illegal_inside(bytes), "{name}");
        }
    }

    #[test]
    fn names_are_those_of_the_manual() {
        let names: &[(&str, &[u8])] = &[
            ("CPUID", &[0x0f, 0xa2]),
            ("INT", &[0xcd, 0x80]),
            ("SYSCALL", &[0x0f, 0x05]),
            ("far JMP", &[0xff, 0x28]),
            ("far CALL", &[0x48, 0xff, 0x18]),
            ("MOV to a segment register", &[0x8e, 0xd8]),
            ("POP to a segment register", &[0x0f, 0xa1]),
        ];
        for (name, bytes) in names {
            assert_eq!(Name(bytes).to_string(), *name);
        }
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..20)) {
            let _ = (is_illegal_inside(&bytes), Name(&bytes).to_string());
        }
    }
}

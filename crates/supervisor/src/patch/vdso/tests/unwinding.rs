//! The unwind information, as an unwinder looks it up.

use super::{BASE, BELOW, Memory, edit, own_image};
use gimli::{
    BaseAddresses, CfaRule, EhFrame, EhFrameHdr, LittleEndian, Register, UnwindContext, UnwindSection,
};

const RSP: Register = Register(7);
const RBP: Register = Register(6);

/// The rule for the CFA at `pc`, by the search table that the segment leads to.
fn cfa_at(memory: &Memory, pc: u64) -> Option<(Register, i64)> {
    let headers = (0..memory.u16(BASE + 56)).map(|index| BASE + 64 + 56 * u64::from(index));
    let header = headers.into_iter().find(|at| memory.u32(*at) == 0x6474_e550).unwrap();
    let (vaddr, size) = (memory.u64(header + 16), memory.u64(header + 40));
    let table = &memory.bytes(BASE + vaddr)[..usize::try_from(size).unwrap()];
    let bases = BaseAddresses::default().set_eh_frame_hdr(BASE + vaddr).set_eh_frame(BASE);
    let parsed = EhFrameHdr::new(table, LittleEndian).parse(&bases, 8).unwrap();
    let fde = parsed.table().unwrap().lookup(pc, &bases).unwrap().pointer();
    // Frame descriptions are self-relative, so the page can be read as if all of it were .eh_frame.
    let frames = EhFrame::new(&memory.image, LittleEndian);
    let offset = usize::try_from(fde - BASE).unwrap();
    let fde = frames.fde_from_offset(&bases, offset.into(), EhFrame::cie_from_offset).unwrap();
    let mut context = UnwindContext::new();
    let row = fde.unwind_info_for_address(&frames, &bases, &mut context, pc).ok()?;
    match row.cfa() {
        CfaRule::RegisterAndOffset { register, offset } => Some((*register, *offset)),
        CfaRule::Expression(_) => None,
    }
}

#[test]
fn each_instruction_of_the_function_has_its_frame() {
    let (edit, memory) = edit(&own_image(), BELOW);
    let code = super::function().code;
    let end = edit.enter + code.len() as u64;
    assert_eq!(cfa_at(&memory, edit.enter), Some((RSP, 8)));
    assert_eq!(cfa_at(&memory, edit.enter + 1), Some((RSP, 16)));
    for pc in edit.enter + 4..end - 1 {
        assert_eq!(cfa_at(&memory, pc), Some((RBP, 16)), "{:#x}", pc - edit.enter);
    }
    assert_eq!(cfa_at(&memory, end - 1), Some((RSP, 8)));
    assert_eq!(cfa_at(&memory, end), None);
}

#[test]
fn functions_of_the_kernel_keep_their_frames() {
    let image = own_image();
    let before = Memory { base: BASE, image: image.clone(), region_at: 0, region: Vec::new() };
    let (_, after) = edit(&image, BELOW);
    for (name, address) in super::lookup::all_symbols(&before).iter().filter(|it| it.1 > BASE) {
        let frame = cfa_at(&before, *address);
        assert!(frame.is_some(), "{name}");
        assert_eq!(cfa_at(&after, *address), frame, "{name}");
    }
}

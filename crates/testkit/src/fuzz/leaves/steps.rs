//! The moves of the game. Half of them are what a kernel or a program would do, so that the state becomes rich; the
//! others are anything at all.

use anyclave_arch::{
    Encls, Enclu, Enclv, EpcAddr, Leaf, Linear, PageInfo, PageType, Pcmd, SecInfo, SecInfoFlags, Vector,
};
use anyclave_cpu::{Completion, EpcmEntry, Event, Fault, Frames, Lock};
use anyclave_trace::Outcome;
use zerocopy::{FromZeros, IntoBytes};

use super::super::Reader;
use super::ledger::Before;
use super::world::{
    AEP, BUILT, EMPTY, PAGEINFO, PCMD, RDINFO, RUNNING, RW, SECINFO, SIGSTRUCT, SOURCE, TOKEN, World, pages,
};
use crate::conformance::space::Space;

/// One move.
pub(super) fn step(world: &mut World, reader: &mut Reader<'_>) {
    match reader.below(16) {
        0 => poke(world, reader),
        1 => poke_enclave(world, reader),
        2 | 3 => any_encls(world, reader),
        4 => any_enclv(world, reader),
        5 => any_enclu(world, reader),
        6 => exit(world, reader),
        7 => evict(world, reader),
        8 => reload(world, reader),
        9 => augment(world, reader),
        10 => modify(world, reader),
        11 | 12 => inside(world, reader),
        13 => map(world, reader),
        14 => hold(world, reader),
        _ => build(world, reader),
    }
}

/// Eight bytes of an operand in ordinary memory become something else.
fn poke(world: &mut World, reader: &mut Reader<'_>) {
    let at = reader.pick(&[PAGEINFO, SECINFO, SOURCE, SIGSTRUCT, TOKEN, PCMD, RDINFO]);
    let at = at.offset(u64::from(reader.byte()) * 8);
    let value = value(world, reader);
    world.space.put(at, &value.to_le_bytes());
}

/// The enclave writes into its own data, where operands of ENCLU are.
fn poke_enclave(world: &mut World, reader: &mut Reader<'_>) {
    let offset = u64::from(reader.byte()) * 8;
    let value = value(world, reader);
    write_data(world, offset, &value.to_le_bytes());
}

fn value(world: &World, reader: &mut Reader<'_>) -> u64 {
    match reader.below(5) {
        0 => reader.word(),
        1 => 1 << (reader.byte() % 64),
        2 => u64::from(reader.byte()),
        3 => u64::from(reader.byte()) << 8 | u64::from(reader.byte() & 0x3f),
        _ => reader.pick(&world.addresses),
    }
}

fn operand(world: &World, reader: &mut Reader<'_>) -> u64 {
    let offset = reader.pick(&[0, 0, 0, 0, 8, 64, 256, 1]);
    reader.pick(&world.addresses).wrapping_add(offset)
}

fn any_encls(world: &mut World, reader: &mut Reader<'_>) {
    let leaf = u64::from(reader.byte() % 0x1a);
    let operands = core::array::from_fn(|_| operand(world, reader));
    encls(world, leaf, operands);
}

/// ENCLS, with all that must hold of it.
fn encls(world: &mut World, leaf: u64, operands: [u64; 3]) -> bool {
    let [rbx, rcx, rdx] = operands;
    let (was, whole) = (entries(world), world.sample());
    let moved = [Encls::Ewb, Encls::Eldb, Encls::Eldu, Encls::Eldbc, Encls::Elduc];
    let before = moved.iter().any(|other| *other as u64 == leaf).then(|| Before::of(world, operands));
    let mut registers = World::operands([leaf, rbx, rcx, rdx]);
    let given = registers;
    let result = world.package.encls(&mut world.kernel, &mut world.space, &mut registers);
    if result.is_err() {
        assert_eq!(registers, given);
    }
    let done = succeeded(&result);
    assert!(done || entries(world) == was, "leaf {leaf:#x} failed and changed the EPCM: {result:?}");
    let same = whole.is_none_or(|whole| format!("{:?}", world.package) == whole);
    assert!(done || same, "leaf {leaf:#x} failed and changed something: {result:?}");
    if done && let Some(leaf) = u32::try_from(leaf).ok().and_then(Encls::from_eax) {
        world.done.insert(Leaf::Encls(leaf).to_string());
    }
    if done && leaf == Encls::Ewb as u64 {
        before.into_iter().for_each(|before| before.written(world, rbx));
    } else if done {
        before.into_iter().for_each(|before| before.read(world));
    }
    done
}

fn any_enclv(world: &mut World, reader: &mut Reader<'_>) {
    let leaf = reader.pick(&[Enclv::Edecvirtchild, Enclv::Eincvirtchild, Enclv::Esetcontext]);
    let [mut rbx, mut rcx, rdx] = core::array::from_fn(|_| operand(world, reader));
    if reader.below(2) == 0 {
        let (page, _) = page_and_slot(reader);
        (rbx, rcx) = (Space::flat(page).0, Space::flat(world.package.epcm_entry(page).secs).0);
    }
    let was = entries(world);
    let mut registers = World::operands([leaf as u64, rbx, rcx, rdx]);
    let given = registers;
    let result = world.package.enclv(&mut world.kernel, &mut world.space, &mut registers);
    if result.is_err() {
        assert_eq!(registers, given);
    }
    if succeeded(&result) {
        world.done.insert(Leaf::Enclv(leaf).to_string());
    }
    assert!(entries(world) == was, "{leaf:?} changed the EPCM");
}

fn any_enclu(world: &mut World, reader: &mut Reader<'_>) {
    let (number, leaf) = (reader.below(3), u64::from(reader.byte() % 11));
    let operands = core::array::from_fn(|_| operand(world, reader));
    enclu(world, number, leaf, operands);
}

fn enclu(world: &mut World, number: usize, leaf: u64, [rbx, rcx, rdx]: [u64; 3]) {
    let (was, whole) = (entries(world), world.sample());
    let World { package, space, processors, .. } = world;
    let Some((processor, state)) = processors.get_mut(number) else { return };
    state.gprs = World::registers([leaf, rbx, rcx, rdx]);
    let given = (processor.clone(), state.clone());
    let result = package.enclu(processor, space, state, 3);
    if result.is_err() {
        assert!(
            (&*processor, &*state) == (&given.0, &given.1),
            "leaf {leaf:#x} faulted and changed registers"
        );
    }
    assert!(succeeded(&result) || entries(world) == was, "leaf {leaf:#x} failed and changed the EPCM");
    let same = whole.is_none_or(|whole| format!("{:?}", world.package) == whole);
    assert!(succeeded(&result) || same, "leaf {leaf:#x} failed and changed something: {result:?}");
    if succeeded(&result)
        && let Some(leaf) = u32::try_from(leaf).ok().and_then(Enclu::from_eax)
    {
        world.done.insert(Leaf::Enclu(leaf).to_string());
    }
}

/// Whether a leaf has done its work. EWB does so even where it reports an occupied slot.
fn succeeded(result: &Result<Completion, Fault>) -> bool {
    match result {
        Ok(Completion::Done) => true,
        Ok(Completion::Code(refusal)) => {
            matches!(refusal.outcome(), Outcome::Cf(anyclave_arch::SgxError::VaSlotOccupied))
        }
        Err(_) => false,
    }
}

fn entries(world: &World) -> Vec<EpcmEntry> {
    pages().map(|page| world.package.epcm_entry(page)).collect()
}

/// Something takes a processor out of its enclave.
fn exit(world: &mut World, reader: &mut Reader<'_>) {
    let vector = reader.pick(&[None, Some(Vector::Pf), Some(Vector::Gp), Some(Vector::Ud), Some(Vector::Db)]);
    let event = Event { vector, error_code: 4, address: Linear(reader.pick(&world.addresses)) };
    let number = reader.below(3);
    let World { package, processors, .. } = world;
    if let Some((processor, state)) = processors.get_mut(number) {
        package.aex(processor, state, event);
        assert!(!processor.inside());
    }
}

/// A page, and where its VA slot is.
fn page_and_slot(reader: &mut Reader<'_>) -> (EpcAddr, u64) {
    let page = EpcAddr(0x8000_0000 + reader.below(32) as u64 * 4096);
    // the third page is the version array that there is from the start
    let array = Space::flat(EpcAddr(0x8000_2000)).0;
    (page, array + reader.below(64) as u64 * 8)
}

/// A kernel sends a page away.
fn evict(world: &mut World, reader: &mut Reader<'_>) {
    let (page, slot) = page_and_slot(reader);
    let entry = world.package.epcm_entry(page);
    let at = Space::flat(page).0;
    encls(world, Encls::Eblock as u64, [0, at, 0]);
    encls(world, Encls::Etrack as u64, [0, Space::flat(entry.secs).0, 0]);
    let pageinfo = PageInfo { srcpge: SOURCE.0.into(), secinfo: PCMD.0.into(), ..PageInfo::default() };
    world.space.put(PAGEINFO, pageinfo.as_bytes());
    world.space.put(PCMD, Pcmd::new_zeroed().as_bytes());
    encls(world, Encls::Ewb as u64, [PAGEINFO.0, at, slot]);
}

/// A kernel brings a page back, perhaps a wrong one, perhaps damaged on its way.
fn reload(world: &mut World, reader: &mut Reader<'_>) {
    let (page, slot) = page_and_slot(reader);
    let Some(mut blob) = world.ledger.get(reader.below(world.ledger.len().max(1))).cloned() else { return };
    let leaf = reader.pick(&[Encls::Eldu, Encls::Eldb, Encls::Elduc, Encls::Eldbc]);
    let secs = reader.pick(&[0x8000_0000, 0x8000_0000, 0x8000_1000, 0]);
    let bit = 1 << (reader.byte() % 8);
    match reader.below(10) {
        0 => blob.ciphertext[usize::from(reader.byte()) * 16] ^= bit,
        1 => blob.pcmd.mac[usize::from(reader.byte() % 16)] ^= bit,
        2 => blob.pcmd.secinfo.flags.set(blob.pcmd.secinfo.flags.get() ^ u64::from(bit)),
        3 => blob.linaddr ^= 0x1000,
        _ => {}
    }
    let secs = if secs == 0 { 0 } else { Space::flat(EpcAddr(secs)).0 };
    let pageinfo = PageInfo {
        linaddr: blob.linaddr.into(),
        srcpge: SOURCE.0.into(),
        secinfo: PCMD.0.into(),
        secs: secs.into(),
    };
    world.space.put(PAGEINFO, pageinfo.as_bytes());
    world.space.put(PCMD, blob.pcmd.as_bytes());
    world.space.put(SOURCE, &*blob.ciphertext);
    if encls(world, leaf as u64, [PAGEINFO.0, Space::flat(page).0, slot]) && secs != 0 {
        world.space.map(Linear(blob.linaddr), anyclave_cpu::Target::Epc(page));
    }
}

/// A kernel gives the running enclave a page.
fn augment(world: &mut World, reader: &mut Reader<'_>) {
    let (page, _) = page_and_slot(reader);
    let at = RUNNING.0 + reader.below(17) as u64 * 4096;
    let secs = Space::flat(EpcAddr(0x8000_0000)).0;
    let pageinfo = PageInfo { linaddr: at.into(), secs: secs.into(), ..PageInfo::default() };
    world.space.put(PAGEINFO, pageinfo.as_bytes());
    if encls(world, Encls::Eaug as u64, [PAGEINFO.0, Space::flat(page).0, 0]) {
        world.space.map(Linear(at), anyclave_cpu::Target::Epc(page));
    }
}

/// A kernel changes a page of an enclave.
fn modify(world: &mut World, reader: &mut Reader<'_>) {
    let (page, _) = page_and_slot(reader);
    let leaf = reader.pick(&[Encls::Emodpr, Encls::Emodt, Encls::Erdinfo, Encls::Eremove, Encls::Etrackc]);
    let kind = reader.pick(&[PageType::Trim, PageType::Tcs, PageType::Reg]);
    let rights = SecInfoFlags::from_bits_retain(u64::from(reader.byte() % 8));
    world.space.put(SECINFO, SecInfo::new(kind, rights).as_bytes());
    let rbx = if leaf == Encls::Erdinfo { RDINFO } else { SECINFO };
    encls(world, leaf as u64, [rbx.0, Space::flat(page).0, 0]);
}

/// A program runs: it enters, accepts, extends, leaves.
fn inside(world: &mut World, reader: &mut Reader<'_>) {
    let inside = world.processors.iter().position(|(processor, _)| processor.inside());
    let number = inside.filter(|_| reader.below(4) != 0).unwrap_or_else(|| reader.below(3));
    let at = place(world, reader);
    let leaf = reader.pick(&[
        Enclu::Eenter,
        Enclu::Eenter,
        Enclu::Eresume,
        Enclu::Eexit,
        Enclu::Eaccept,
        Enclu::Eaccept,
        Enclu::Eacceptcopy,
        Enclu::Emodpe,
        Enclu::Edeccssa,
        Enclu::Egetkey,
        Enclu::Ereport,
    ]);
    let data = RUNNING.0 + 0x4000;
    let operands = match leaf {
        Enclu::Eenter | Enclu::Eresume => [reader.pick(&[RUNNING.0, at]), AEP, 0],
        Enclu::Eexit => [AEP, 0, 0],
        Enclu::Egetkey => {
            write_data(world, 0x200, &u16::from(reader.byte() % 6).to_le_bytes());
            [data + 0x200, data + 0x800, 0]
        }
        Enclu::Ereport => [data + 0x400, data + 0x600, data + 0xa00],
        _ => {
            accepted(world, reader, at);
            let other = RUNNING.0 + 0x5000;
            let of_emodpe = leaf == Enclu::Emodpe && reader.below(2) == 0;
            [data, if of_emodpe { other } else { at }, reader.pick(&[other, at])]
        }
    };
    enclu(world, number, leaf as u64, operands);
}

/// A page of the running enclave: one that waits to be accepted, or any.
fn place(world: &World, reader: &mut Reader<'_>) -> u64 {
    let any = RUNNING.0 + reader.below(17) as u64 * 4096;
    let waits = |entry: &EpcmEntry| entry.valid && (entry.pending || entry.modified || entry.pr);
    let waiting: Vec<u64> =
        entries(world).iter().filter(|entry| waits(entry)).map(|entry| entry.address.0).collect();
    if waiting.is_empty() || reader.below(3) == 0 { any } else { reader.pick(&waiting) }
}

/// The SECINFO by which an enclave accepts or extends, at the start of its data.
fn accepted(world: &mut World, reader: &mut Reader<'_>, at: u64) {
    let rights = SecInfoFlags::from_bits_retain(u64::from(reader.byte() % 8));
    let entry = world.epc(at).map(|page| world.package.epcm_entry(page));
    let secinfo = match (reader.below(4), entry) {
        (0, _) => SecInfo::new(PageType::Reg, rights | SecInfoFlags::PR),
        (1, _) | (_, None) => SecInfo::new(PageType::Reg, rights),
        (_, Some(entry)) => {
            let bit = |flag, set| if set { flag } else { SecInfoFlags::empty() };
            let state = bit(SecInfoFlags::PENDING, entry.pending)
                | bit(SecInfoFlags::MODIFIED, entry.modified)
                | bit(SecInfoFlags::PR, entry.pr);
            SecInfo::new(entry.page_type, entry.rights | state)
        }
    };
    write_data(world, 0, secinfo.as_bytes());
}

/// The running enclave writes into its data, if that is there.
fn write_data(world: &mut World, offset: u64, bytes: &[u8]) {
    let Some(page) = world.epc(RUNNING.0 + 0x4000 + offset) else { return };
    let entry = world.package.epcm_entry(page);
    if entry.valid && entry.page_type == PageType::Reg && !entry.pending && !entry.modified && !entry.blocked
    {
        let offset = usize::try_from(page.page_offset()).unwrap_or(0);
        world.package.frames_mut().write(page.page(), offset, bytes);
    }
}

/// A kernel changes a page table.
fn map(world: &mut World, reader: &mut Reader<'_>) {
    let at = RUNNING.offset(reader.below(17) as u64 * 4096);
    let (page, _) = page_and_slot(reader);
    match reader.below(4) {
        0 => world.space.unmap(at),
        1 => world.space.protect(at),
        _ => world.space.map(at, anyclave_cpu::Target::Epc(page)),
    }
}

/// Another processor begins a leaf, or all of them end theirs.
fn hold(world: &mut World, reader: &mut Reader<'_>) {
    let (page, _) = page_and_slot(reader);
    let lock = [Lock::EXCLUSIVE, Lock::SHARED, Lock::SGX2, Lock::MEASUREMENT, Lock::TRACKING];
    match reader.below(8) {
        number @ 0..=4 => world.package.hold(page, lock[number]),
        _ => world.package.let_go(),
    }
}

/// A kernel goes on with the enclave that is being built.
fn build(world: &mut World, reader: &mut Reader<'_>) {
    let (page, _) = page_and_slot(reader);
    let secs = Space::flat(EpcAddr(0x8000_1000)).0;
    let at = Space::flat(page).0;
    match reader.below(5) {
        0 => {
            encls(world, Encls::Eextend as u64, [secs, at + 256 * reader.below(16) as u64, 0]);
        }
        1 => {
            let sigstruct = reader.pick(&[SIGSTRUCT, EMPTY]);
            encls(world, Encls::Einit as u64, [sigstruct.0, secs, TOKEN.0]);
        }
        2 => {
            encls(world, Encls::Epa as u64, [PageType::Va as u64, at, 0]);
        }
        3 => {
            encls(world, Encls::Eupdatesvn as u64, [0; 3]);
        }
        _ => {
            let kind = reader.pick(&[PageType::Reg, PageType::Tcs]);
            let linaddr = BUILT.0 + reader.below(17) as u64 * 4096;
            let pageinfo = PageInfo {
                linaddr: linaddr.into(),
                srcpge: SOURCE.0.into(),
                secinfo: SECINFO.0.into(),
                secs: secs.into(),
            };
            world.space.put(PAGEINFO, pageinfo.as_bytes());
            world.space.put(SECINFO, SecInfo::new(kind, RW).as_bytes());
            encls(world, Encls::Eadd as u64, [PAGEINFO.0, at, 0]);
        }
    }
}

//! What EWB has sent away, and what may therefore come back.

use anyclave_arch::{EpcAddr, PageInfo, Pcmd};
use anyclave_cpu::{EpcmEntry, Frames, PAGE_BYTES};
use zerocopy::{FromZeros, IntoBytes};

use super::world::World;
use crate::conformance::space::Space;
use anyclave_arch::Linear;

/// A page outside of the EPC, as EWB wrote it.
#[derive(Clone, Debug)]
pub(super) struct Blob {
    pub(super) linaddr: u64,
    pub(super) ciphertext: Box<[u8; PAGE_BYTES]>,
    pub(super) pcmd: Pcmd,
    /// The version in the VA slot.
    version: u64,
    plaintext: Box<[u8; PAGE_BYTES]>,
    entry: EpcmEntry,
}

/// The operands of EWB and ELDx, as they stand in memory before the leaf.
pub(super) struct Before {
    page: Option<EpcAddr>,
    slot: Option<EpcAddr>,
    operands: Option<(PageInfo, Box<[u8; PAGE_BYTES]>, Pcmd)>,
    version: u64,
    plaintext: Box<[u8; PAGE_BYTES]>,
    entry: EpcmEntry,
}

impl Before {
    pub(super) fn of(world: &mut World, [rbx, rcx, rdx]: [u64; 3]) -> Self {
        let (page, slot) = (world.epc(rcx), world.epc(rdx));
        let mut plaintext = Box::new([0; PAGE_BYTES]);
        let mut version = 0;
        if let Some(page) = page {
            world.package.frames_mut().read(page.page(), 0, &mut *plaintext);
        }
        if let Some(slot) = slot {
            version = world.version(slot);
        }
        let entry = page.map_or(EpcmEntry::INVALID, |page| world.package.epcm_entry(page));
        Self { page, slot, operands: operands(&world.space, rbx), version, plaintext, entry }
    }

    /// EWB has succeeded.
    pub(super) fn written(self, world: &mut World, rbx: u64) {
        let (Some((pageinfo, ciphertext, pcmd)), Some(slot)) = (operands(&world.space, rbx), self.slot)
        else {
            panic!("EWB wrote nowhere");
        };
        let version = world.version(slot);
        assert_ne!(version, 0, "a version looks like an empty slot");
        assert!(world.ledger.iter().all(|blob| blob.version != version), "a version is used twice");
        let Self { plaintext, entry, .. } = self;
        let linaddr = pageinfo.linaddr.get();
        assert_eq!(linaddr, entry.address.0);
        world.ledger.push(Blob { linaddr, ciphertext, pcmd, version, plaintext, entry });
    }

    /// ELDB, ELDU, ELDBC or ELDUC has succeeded.
    pub(super) fn read(self, world: &mut World) {
        let (Some((pageinfo, ciphertext, pcmd)), Some(page), Some(slot)) =
            (self.operands, self.page, self.slot)
        else {
            panic!("a page was read from nowhere");
        };
        assert_eq!(world.version(slot), 0, "a version is used up");
        let is_it = |blob: &&Blob| {
            blob.version == self.version
                && blob.ciphertext == ciphertext
                && blob.linaddr == pageinfo.linaddr.get()
                && blob.pcmd.mac == pcmd.mac
                && blob.pcmd.secinfo == pcmd.secinfo
                && blob.pcmd.reserved == pcmd.reserved
        };
        let Some(blob) = world.ledger.iter().find(is_it) else {
            panic!("a page was decrypted that EWB did not write");
        };
        let mut now = [0; PAGE_BYTES];
        world.package.frames_mut().read(page.page(), 0, &mut now);
        let entry = world.package.epcm_entry(page);
        let was = blob.entry;
        if was.page_type == anyclave_arch::PageType::Secs {
            // but for its context, which is the new page
            assert_eq!(now[..536], blob.plaintext[..536]);
            assert_eq!(now[544..], blob.plaintext[544..]);
        } else {
            assert_eq!(now, *blob.plaintext);
        }
        let told = |entry: &EpcmEntry| {
            (entry.page_type, entry.rights, entry.address, entry.pending, entry.modified, entry.pr)
        };
        assert_eq!(told(&entry), told(&was));
        assert!(entry.valid && entry.mark.is_none());
    }
}

/// PAGEINFO, page and PCMD, where they are in memory.
fn operands(space: &Space, rbx: u64) -> Option<(PageInfo, Box<[u8; PAGE_BYTES]>, Pcmd)> {
    let ordinary = |at: u64| space.look(Linear(at)) == Some(anyclave_cpu::Target::Ordinary);
    let mut pageinfo = PageInfo::default();
    ordinary(rbx).then(|| space.bytes(Linear(rbx), pageinfo.as_mut_bytes()))?;
    let (page_at, pcmd_at) = (pageinfo.srcpge.get(), pageinfo.secinfo.get());
    let (mut page, mut pcmd) = (Box::new([0; PAGE_BYTES]), Pcmd::new_zeroed());
    ordinary(page_at).then(|| space.bytes(Linear(page_at), &mut *page))?;
    ordinary(pcmd_at).then(|| space.bytes(Linear(pcmd_at), pcmd.as_mut_bytes()))?;
    Some((pageinfo, page, pcmd))
}

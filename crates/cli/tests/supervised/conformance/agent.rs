//! The agents of `conform.S` as bytes, and the block through which a processor is told what to do: `conform.h`.

use std::path::Path;

use object::{Object, ObjectSection};

use crate::compile::assemble_with;

/// Bytes of an agent.
pub(crate) const AGENT_BYTES: usize = 0x500;
/// Where in an agent it waits.
pub(crate) const WAIT: u64 = 0x40;
/// Where in an agent the instruction stands.
pub(crate) const SITE: u64 = 0x200;
/// Bytes for it.
pub(crate) const SITE_BYTES: usize = 16;
/// Where in an agent its number stands.
const WHERE_AT: usize = 0x407;

/// Offsets in a block.
pub(crate) mod block {
    pub(crate) const IN: u64 = 0;
    pub(crate) const OUT: u64 = 0x100;
    pub(crate) const WHERE: u64 = 0x208;
    pub(crate) const WAIT: u64 = 0x230;
    pub(crate) const IN_BASES: u64 = 0x240;
    pub(crate) const OUT_BASES: u64 = 0x250;
    pub(crate) const XIN: u64 = 0x400;
    pub(crate) const XOUT: u64 = 0x800;
    pub(crate) const XSAVE_BYTES: usize = 832;
}

/// The block of a processor.
pub(crate) const fn block_of(processor: u64) -> u64 {
    0x7ead_0000 + processor * 0x1000
}

/// The agent of a processor.
#[derive(Clone, Debug)]
pub(crate) struct Agent(Vec<u8>);

impl Agent {
    /// Assembles it.
    pub(crate) fn new(processor: u64, folder: &Path) -> Self {
        let object = assemble_with("conform", &format!("-DBLOCK={:#x}", block_of(processor)), folder);
        let object = std::fs::read(object).unwrap();
        let file = object::File::parse(&*object).unwrap();
        let section = file.section_by_name(".agent").unwrap();
        assert_eq!(section.relocations().count(), 0, "an agent must be position-independent");
        let mut bytes = section.data().unwrap().to_vec();
        assert!(bytes.len() <= AGENT_BYTES);
        bytes.resize(AGENT_BYTES, 0x90);
        Self(bytes)
    }

    /// A copy with a number of its own.
    pub(crate) fn numbered(&self, number: u32) -> Vec<u8> {
        let mut bytes = self.0.clone();
        bytes[WHERE_AT..WHERE_AT + 4].copy_from_slice(&number.to_le_bytes());
        bytes
    }
}

//! What is added to each enclave: agents, and a thread by which the enclave's memory is looked at.

use anyclave_arch::tcs::TcsFlags;
use anyclave_arch::{Flags, PageType, SecInfo, SecInfoFlags, Secs, Tcs};
use anyclave_testkit::conformance::recording::Page;
use zerocopy::{FromZeros, IntoBytes};

use super::agent::{Agent, SITE, SITE_BYTES};
use super::process::site;

pub(crate) const ENCLU: [u8; 3] = [0x0f, 0x01, 0xd7];
/// What the other processor executes inside: EEXIT if RAX says so, otherwise it copies bytes.
/// `cmp $4, %eax; jne 1f; enclu; 1: rep movsb`
const CARRY: [u8; 10] = [0x83, 0xf8, 0x04, 0x75, 0x03, 0x0f, 0x01, 0xd7, 0xf3, 0xa4];

/// Offsets from the end of ELRANGE: the agent of the processor, and the other processor's agent, thread and frame.
pub(crate) const AGENT: u64 = 0x1000;
const CARRIER: u64 = 0x2000;
pub(crate) const CARRIER_TCS: u64 = 0x3000;
/// The first page of the furniture.
pub(crate) const CARRIER_SSA: u64 = 0x4000;

/// The pages for an enclave.
pub(crate) fn furniture(agents: &[Agent; 2], secs: &Secs) -> Vec<Page> {
    let size = secs.size.get();
    let rights = |text: &str| {
        let mut rights = SecInfoFlags::empty();
        rights.set(SecInfoFlags::R, text.contains('r'));
        rights.set(SecInfoFlags::W, text.contains('w'));
        rights.set(SecInfoFlags::X, text.contains('x'));
        rights
    };
    let page = |from_end, kind, text: &str, bytes: &[u8]| {
        let mut data = Box::new([0; 4096]);
        data[..bytes.len()].copy_from_slice(bytes);
        Page { offset: size.wrapping_sub(from_end), secinfo: SecInfo::new(kind, rights(text)), data }
    };
    let mut agent = agents[0].numbered(1);
    let mut carrier = agents[1].numbered(2);
    let at = usize::try_from(SITE).unwrap();
    agent[at..at + SITE_BYTES].copy_from_slice(&site(&ENCLU));
    carrier[at..at + SITE_BYTES].copy_from_slice(&site(&CARRY));
    // thread and enclave have to agree
    let notified =
        if secs.attributes.has(Flags::AEXNOTIFY) { TcsFlags::AEXNOTIFY } else { TcsFlags::empty() };
    let tcs = Tcs {
        flags: notified.bits().into(),
        ossa: size.wrapping_sub(CARRIER_SSA).into(),
        nssa: 1.into(),
        oentry: size.wrapping_sub(CARRIER).into(),
        fslimit: u32::MAX.into(),
        gslimit: u32::MAX.into(),
        ..Tcs::new_zeroed()
    };
    vec![
        page(AGENT, PageType::Reg, "rwx", &agent),
        page(CARRIER, PageType::Reg, "rwx", &carrier),
        page(CARRIER_TCS, PageType::Tcs, "", tcs.as_bytes()),
        page(CARRIER_SSA, PageType::Reg, "rw", &[]),
    ]
}

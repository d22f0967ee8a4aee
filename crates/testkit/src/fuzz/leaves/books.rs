//! What must be true after every leaf.

use std::collections::{HashMap, HashSet};

use anyclave_arch::{EpcAddr, PageType};
use anyclave_cpu::{Frames, SecsPage};
use zerocopy::{FromZeros, IntoBytes};

use super::world::{World, pages};

/// Every page has at most one owner, which is a SECS in use; each SECS counts its pages right; no two have one EID;
/// whoever is inside an enclave has a slot, a TCS and a SECS that are in use.
pub(super) fn check(world: &mut World) {
    let mut children: HashMap<EpcAddr, u64> = HashMap::new();
    let mut secs_pages = Vec::new();
    for page in pages() {
        let entry = world.package.epcm_entry(page);
        match (entry.valid, entry.page_type) {
            (false, _) | (true, PageType::Va) => {}
            (true, PageType::Secs) => secs_pages.push(page),
            (true, _) => *children.entry(entry.secs).or_default() += 1,
        }
    }
    let mut eids = HashSet::new();
    for page in &secs_pages {
        let secs = secs(world, *page);
        let counted = children.remove(page).unwrap_or(0);
        assert_eq!(secs.child_count.get(), counted, "children of the SECS in {page}");
        assert!(eids.insert(secs.eid.get()), "two enclaves with EID {}", secs.eid.get());
    }
    assert!(children.is_empty(), "pages of what is no SECS: {children:?}");

    let inside = world.processors.iter().filter(|(processor, _)| processor.inside()).count();
    assert_eq!(world.package.slots().iter().count(), inside, "slots of processors inside");
    for (processor, _) in &world.processors {
        let Some(mode) = &processor.mode else { continue };
        let (secs, tcs) = (world.package.epcm_entry(mode.secs), world.package.epcm_entry(mode.tcs));
        assert!(secs.valid && secs.page_type == PageType::Secs, "the SECS of a processor inside");
        assert!(tcs.valid && tcs.secs == mode.secs, "the TCS of a processor inside");
        assert!(eids.contains(&mode.eid));
    }
}

fn secs(world: &mut World, page: EpcAddr) -> SecsPage {
    let mut secs = SecsPage::new_zeroed();
    world.package.frames_mut().read(page, 0, secs.as_mut_bytes());
    secs
}

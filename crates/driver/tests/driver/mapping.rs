use anyclave_arch::Linear;
use anyclave_driver::mmap::{MapRequest, mremap, placement};
use anyclave_driver::{Answer, Errno, FaultCause, FaultOutcome, IoctlRefusal, Rights};
use anyclave_testkit::enclave::{BASE, Loader, image, secs, sign};
use anyclave_trace::ioctl::MapCause as Cause;

use super::loader;

const TCS: u64 = BASE;
const CODE: u64 = BASE + 0x1000;
const DATA: u64 = BASE + 0x2000;
const ABSENT: u64 = BASE + 0x4000;
const RW: Rights = Rights::READ.union(Rights::WRITE);

fn built() -> Loader {
    let image = image();
    let mut loader = loader();
    loader.build(&image, &secs(&image));
    loader
}

fn launched() -> Loader {
    let image = image();
    let mut loader = loader();
    assert_eq!(loader.launch(&image, &secs(&image), &sign(&image)), Ok(0));
    loader
}

fn map(loader: &Loader, start: u64, length: u64, rights: Rights) -> Result<(), Cause> {
    let request =
        MapRequest { start: Linear(start), end: Linear(start + length), rights, read_implies_exec: false };
    loader.machine.may_map(loader.id, &request).map_err(|refusal| cause(&refusal))
}

fn cause(refusal: &IoctlRefusal) -> Cause {
    *Cause::ALL.iter().find(|cause| refusal.cause == (**cause).into()).expect("a cause of mapping")
}

#[test]
fn before_create_anything_may_be_mapped() {
    let loader = loader();
    assert_eq!(map(&loader, 0x1000, 0x1000, Rights::all()), Ok(()));
    assert_eq!(map(&loader, BASE, 0x100_0000, Rights::all()), Ok(()));
}

#[test]
fn the_range_matters_from_init_on() {
    let outside =
        [(BASE - 0x1000, 0x1000), (BASE - 0x1000, 0x2000), (BASE + 0x8000, 0x1000), (ABSENT, 0x8000)];
    let (built, launched) = (built(), launched());
    for (start, length) in outside {
        assert_eq!(map(&built, start, length, Rights::empty()), Ok(()));
        // PROT_NONE too
        assert_eq!(map(&launched, start, length, Rights::empty()), Err(Cause::OutsideElrange));
    }
    assert_eq!(map(&launched, BASE, 0x8000, Rights::empty()), Ok(()));
}

#[test]
fn rights_are_capped_by_the_pages_that_exist() {
    let loader = launched();
    let cases = [
        (TCS, RW, true),
        (TCS, Rights::READ, true),
        (TCS, Rights::EXEC, false),
        (CODE, Rights::READ | Rights::EXEC, true),
        (CODE, Rights::WRITE, false),
        (DATA, RW, true),
        (DATA, Rights::READ | Rights::EXEC, false),
        (DATA + 0x1000, RW, false),
        (ABSENT, Rights::all(), true),
    ];
    for (start, rights, allowed) in cases {
        let expected = if allowed { Ok(()) } else { Err(Cause::ExceedsPageRights) };
        assert_eq!(map(&loader, start, 0x1000, rights), expected, "{start:#x} {rights:?}");
    }
    // one page of several is enough
    assert_eq!(map(&loader, DATA, 0x4000, RW), Err(Cause::ExceedsPageRights));
    assert_eq!(map(&loader, TCS, 0x4000, Rights::READ), Ok(()));
    assert_eq!(map(&loader, TCS, 0x8000, Rights::empty()), Ok(()));
}

#[test]
fn a_personality_forbids_every_mapping() {
    let request = |start: u64| MapRequest {
        start: Linear(start),
        end: Linear(start + 0x1000),
        rights: Rights::empty(),
        read_implies_exec: true,
    };
    let loader = launched();
    let refuse = |start| loader.machine.may_map(loader.id, &request(start)).unwrap_err();
    assert_eq!(cause(&refuse(DATA)), Cause::ReadImpliesExec);
    assert_eq!(refuse(DATA).answer(), Answer::Errno(Errno::Eacces));
    // but after the range
    assert_eq!(cause(&refuse(BASE - 0x1000)), Cause::OutsideElrange);
}

#[test]
fn mappings_are_shared() {
    assert_eq!(placement(false), Ok(()));
    assert_eq!(placement(true).map_err(|refusal| refusal.answer()), Err(Answer::Errno(Errno::Einval)));
}

#[test]
fn mappings_move_and_shrink_but_do_not_grow() {
    let answer = |old, new, dont_unmap| mremap(old, new, dont_unmap).map_err(|refusal| refusal.answer());
    assert_eq!(answer(0x2000, 0x2000, false), Ok(()));
    assert_eq!(answer(0x2000, 0x1000, false), Ok(()));
    assert_eq!(answer(0x2000, 0x3000, false), Err(Answer::Errno(Errno::Efault)));
    assert_eq!(answer(0x2000, 0x2000, true), Err(Answer::Errno(Errno::Einval)));
}

#[test]
fn every_cause_of_mapping_is_reached_here() {
    assert_eq!(cause(&placement(true).unwrap_err()), Cause::Private);
    assert_eq!(cause(&mremap(1, 2, false).unwrap_err()), Cause::Grows);
    assert_eq!(cause(&mremap(1, 1, true).unwrap_err()), Cause::DontUnmap);
    assert_eq!(Cause::ALL.len(), 6, "a new cause needs a test");
}

#[test]
fn a_fault_gets_the_page_of_its_address() {
    let loader = launched();
    let page = loader.machine.page_at(loader.id, Linear(DATA)).unwrap();
    assert_eq!(loader.machine.fault(loader.id, Linear(DATA + 0x123), RW), FaultOutcome::Map(page));
    assert_ne!(loader.machine.page_at(loader.id, Linear(CODE)), Some(page));
}

#[test]
fn a_fault_without_page_is_a_bus_error() {
    let loader = built();
    let fault = |at| loader.machine.fault(loader.id, Linear(at), Rights::READ);
    assert_eq!(fault(ABSENT), FaultOutcome::Sigbus(FaultCause::NoPage));
    assert_eq!(fault(BASE - 1), FaultOutcome::Sigbus(FaultCause::NoPage));
    assert!(matches!(fault(DATA), FaultOutcome::Map(_)));
}

#[test]
fn a_mapping_older_than_its_page_may_exceed_it_and_then_every_access_fails() {
    let mut loader = loader();
    assert_eq!(map(&loader, DATA, 0x1000, Rights::all()), Ok(()));
    loader.build(&image(), &secs(&image()));
    let exceeds = FaultOutcome::Sigbus(FaultCause::MappingExceedsPage);
    assert_eq!(loader.machine.fault(loader.id, Linear(DATA), Rights::all()), exceeds);
}

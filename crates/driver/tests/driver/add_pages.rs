use anyclave_arch::{Encls as Leaf, Linear, PageType, SecInfo, SecInfoFlags};
use anyclave_cpu::Bare;
use anyclave_driver::{Answer, Errno, Reply, Rights, abi};
use anyclave_testkit::enclave::{ARGUMENT, BASE, Loader, SECINFO, SOURCE, image, request, secs};
use anyclave_testkit::encls::Failing;
use anyclave_testkit::machine;
use anyclave_testkit::memory::PageRights;
use anyclave_trace::ioctl::AddPagesCause as Cause;
use zerocopy::IntoBytes;

use super::{assert_cause, done};

const RW: SecInfoFlags = SecInfoFlags::R.union(SecInfoFlags::W);

/// A created enclave, a SECINFO for RW pages, and eight pages of source.
fn created() -> Loader {
    created_on("1M")
}

fn created_on(epc: &str) -> Loader {
    let mut loader = Loader::open(machine::boot(epc));
    assert_eq!(loader.create(&secs(&image())), Ok(0));
    loader.user.put(SECINFO, SecInfo::new(PageType::Reg, RW).as_bytes());
    loader.user.put(SOURCE, &[0x5a; 0x8000]);
    loader
}

/// ADD_PAGES with a processor whose `leaf` faults after some successes.
fn add_failing(loader: &mut Loader, request: &abi::AddPages, leaf: Leaf, successes: u32) -> Reply {
    loader.user.put(ARGUMENT, request.as_bytes());
    let parts = loader.machine.parts();
    let mut encls = Failing::new(Bare::new(parts.package, parts.kernel)).leaf(leaf, successes);
    let command = abi::ENCLAVE_ADD_PAGES;
    done(parts.driver.ioctl(&mut encls, &mut loader.user, loader.id, command, ARGUMENT))
}

#[test]
fn a_range_is_added_and_counted() {
    let mut loader = created();
    assert_eq!(loader.add_pages(&request(0x1000, 0x3000, true)), Ok(0));
    assert_eq!(loader.count(), 0x3000);
    let driver = loader.machine.driver();
    let enclave = driver.enclave(loader.id).unwrap();
    let added: Vec<_> =
        enclave.pages(Linear(BASE), Linear(BASE + 0x8000)).map(|(at, _)| at.0 - BASE).collect();
    assert_eq!(added, [0x1000, 0x2000, 0x3000]);
    assert_eq!(enclave.page(Linear(BASE + 0x1fff)).unwrap().most(), Rights::READ | Rights::WRITE);
    assert_eq!(enclave.page(Linear(BASE)).map(|_| ()), None);
    assert_eq!(driver.counters().owned, 5);
}

#[test]
fn input_fields_are_not_advanced() {
    let mut loader = created();
    assert_eq!(loader.add_pages(&request(0, 0x2000, false)), Ok(0));
    let expected = abi::AddPages { count: 0x2000.into(), ..request(0, 0x2000, false) };
    assert_eq!(loader.user.get::<48>(ARGUMENT), expected.as_bytes());
}

#[test]
fn unknown_flags_are_ignored() {
    let mut loader = created();
    let request = abi::AddPages { flags: (!1).into(), ..request(0, 0x1000, false) };
    assert_eq!(loader.add_pages(&request), Ok(0));
}

#[test]
fn the_state_of_the_enclave_comes_first() {
    let mut loader = super::loader();
    let command = abi::ENCLAVE_ADD_PAGES;
    let reply = done(loader.machine.ioctl(&mut loader.user, loader.id, command, 0));
    assert_cause(reply, Cause::NotCreated);

    let image = image();
    assert_eq!(loader.launch(&image, &secs(&image), &anyclave_testkit::enclave::sign(&image)), Ok(0));
    let reply = done(loader.machine.ioctl(&mut loader.user, loader.id, command, 0));
    assert_cause(reply, Cause::AlreadyInitialised);
}

#[test]
fn arguments_are_checked_in_order() {
    let good = request(0, 0x1000, true);
    let cases: [(abi::AddPages, Cause); 11] = [
        (abi::AddPages { src: 0x10.into(), offset: 1.into(), ..good }, Cause::SourceUnaligned),
        (abi::AddPages { offset: 1.into(), length: 0.into(), ..good }, Cause::OffsetUnaligned),
        (abi::AddPages { length: 0.into(), ..good }, Cause::LengthZero),
        (abi::AddPages { length: 0x800.into(), ..good }, Cause::LengthUnaligned),
        (abi::AddPages { offset: (!0xfff).into(), ..good }, Cause::RangeWraps),
        (abi::AddPages { offset: 0x1000.into(), length: (!0xfff).into(), ..good }, Cause::RangeWraps),
        (abi::AddPages { offset: 0x8000.into(), ..good }, Cause::RangeOutside),
        (abi::AddPages { offset: 0x7000.into(), length: 0x2000.into(), ..good }, Cause::RangeOutside),
        (abi::AddPages { length: (1 << 63).into(), ..good }, Cause::RangeOutside),
        (abi::AddPages { secinfo: 0x10.into(), ..good }, Cause::SecinfoUnreadable),
        (abi::AddPages { secinfo: (!0).into(), src: 0x10_0000.into(), ..good }, Cause::SecinfoUnreadable),
    ];
    for (request, cause) in cases {
        let mut loader = created();
        assert_cause(loader.add_pages(&request), cause);
        // too early for the count
        assert_eq!(loader.count(), 0xdead);
    }
    let mut loader = created();
    let reply = done(loader.machine.ioctl(&mut loader.user, loader.id, abi::ENCLAVE_ADD_PAGES, 0x10));
    assert_cause(reply, Cause::ArgumentUnreadable);
}

#[test]
fn secinfos_are_checked_in_order() {
    let reg = 0x200_u64;
    let tcs = 0x100_u64;
    let cases = [
        (0x7, Cause::PageTypeInvalid),
        (0x302, Cause::PageTypeInvalid),
        (0x400, Cause::PageTypeInvalid),
        (0xff00, Cause::PageTypeInvalid),
        (reg | 0x2, Cause::WriteWithoutRead),
        (reg | 0x6 | 1 << 40, Cause::WriteWithoutRead),
        (tcs | 0x2, Cause::WriteWithoutRead),
        (tcs | 0x1, Cause::TcsWithRights),
        (tcs | 0x3 | 1 << 40, Cause::TcsWithRights),
        (reg | 1 << 3, Cause::SecinfoReservedFlag),
        (reg | 1 << 4, Cause::SecinfoReservedFlag),
        (reg | 1 << 5, Cause::SecinfoReservedFlag),
        (reg | 1 << 6, Cause::SecinfoReservedFlag),
        (tcs | 1 << 16, Cause::SecinfoReservedFlag),
        (reg | 1 << 63, Cause::SecinfoReservedFlag),
    ];
    for (flags, cause) in cases {
        let mut loader = created();
        let secinfo = SecInfo { flags: flags.into(), reserved: [0; 56] };
        assert_cause(loader.add_page(0, &secinfo, &[0; 4096], true), cause);
    }
    let mut loader = created();
    let mut secinfo = SecInfo::new(PageType::Reg, RW);
    secinfo.reserved[55] = 1;
    assert_cause(loader.add_page(0, &secinfo, &[0; 4096], true), Cause::SecinfoReserved);
    assert_eq!(loader.machine.driver().counters().owned, 2);
}

#[test]
fn a_signal_before_the_first_page_restarts_the_call() {
    let mut loader = created();
    loader.user.signal = true;
    let refusal = loader.add_pages(&request(0, 0x2000, true)).unwrap_err();
    assert_eq!(refusal.cause, Cause::SignalPending.into());
    assert_eq!(refusal.answer(), Answer::Restart);
    assert_eq!(loader.count(), 0);
}

#[test]
fn a_signal_later_ends_the_call_with_success() {
    let mut loader = created();
    loader.user.signal_after = Some(2);
    assert_eq!(loader.add_pages(&request(0, 0x4000, true)), Ok(0));
    assert_eq!(loader.count(), 0x2000);
}

#[test]
fn a_full_epc_stops_at_the_page_without_room() {
    // version array, SECS, two pages
    let mut loader = created_on("16K");
    assert_cause(loader.add_pages(&request(0, 0x4000, true)), Cause::NoEpc);
    assert_eq!(loader.count(), 0x2000);
    let counters = loader.machine.driver().counters();
    assert_eq!((counters.free, counters.owned), (0, 4));
}

#[test]
fn a_page_that_is_present_is_busy() {
    let mut loader = created();
    assert_eq!(loader.add_pages(&request(0x2000, 0x1000, true)), Ok(0));
    // even where the source could not be read
    let request = abi::AddPages { src: 0x9000_0000.into(), ..request(0x2000, 0x1000, true) };
    let refusal = loader.add_pages(&request).unwrap_err();
    assert_eq!(refusal.cause, Cause::PagePresent.into());
    assert_eq!(refusal.answer(), Answer::Errno(Errno::Ebusy));
    assert_eq!(loader.machine.driver().counters().owned, 3);
}

#[test]
fn pages_before_the_failing_one_stay() {
    let mut loader = created();
    assert_eq!(loader.add_pages(&request(0x2000, 0x1000, true)), Ok(0));
    assert_cause(loader.add_pages(&request(0, 0x4000, true)), Cause::PagePresent);
    assert_eq!(loader.count(), 0x2000);
    assert_eq!(loader.machine.driver().enclave(loader.id).unwrap().epc_pages(), 5);
}

#[test]
fn sources_are_judged_by_their_mapping() {
    let at = |src: u64| abi::AddPages { src: src.into(), ..request(0, 0x1000, true) };
    let mut loader = created();
    assert_cause(loader.add_pages(&at(0x7fff_0000_0000)), Cause::SourceUnmapped);

    let noexec = PageRights { may_exec: false, ..PageRights::ALL };
    loader.user.map(0x200_0000, noexec);
    let refusal = loader.add_pages(&at(0x200_0000)).unwrap_err();
    assert_eq!(refusal.cause, Cause::SourceNoExec.into());
    assert_eq!(refusal.answer(), Answer::Errno(Errno::Eacces));
    // a hole below such a mapping
    assert_cause(loader.add_pages(&at(0x1f0_0000)), Cause::SourceNoExec);

    loader.user.map(0x300_0000, PageRights { read: false, ..PageRights::ALL });
    assert_cause(loader.add_pages(&at(0x300_0000)), Cause::SourceUnreadable);
    assert_cause(loader.add_pages(&at(0x2f0_0000)), Cause::SourceUnreadable);
    assert_eq!((loader.count(), loader.machine.driver().counters().owned), (0, 2));
}

#[test]
fn a_fault_of_eadd_is_an_input_output_error() {
    // a TCS with a reserved byte
    let mut loader = created();
    let secinfo = SecInfo::new(PageType::Tcs, SecInfoFlags::empty());
    let refusal = loader.add_page(0, &secinfo, &[1; 4096], true).unwrap_err();
    assert_eq!(refusal.cause, Cause::EaddFaulted.into());
    assert_eq!(refusal.answer(), Answer::Errno(Errno::Eio));
    assert!(refusal.leaf.is_some());
    assert_eq!(loader.machine.driver().counters().owned, 2);
    // the place is free again
    assert_eq!(loader.add_page(0, &secinfo, &[0; 4096], true), Ok(0));
}

#[test]
fn a_fault_of_eextend_takes_the_page_back() {
    let mut loader = created();
    let reply = add_failing(&mut loader, &request(0, 0x2000, true), Leaf::Eextend, 16 + 3);
    assert_cause(reply, Cause::EextendFaulted);
    assert_eq!(loader.count(), 0x1000);
    assert_eq!(loader.machine.driver().counters().owned, 3);
    // without measuring there is no EEXTEND
    assert_eq!(add_failing(&mut loader, &request(0x1000, 0x1000, false), Leaf::Eextend, 0), Ok(0));
}

#[test]
fn every_512th_page_needs_a_version_array() {
    let mut image = image();
    image.size = 0x40_0000;
    let enclave = |epc: &str| {
        let mut loader = Loader::open(machine::boot(epc));
        assert_eq!(loader.create(&secs(&image)), Ok(0));
        loader.user.put(SECINFO, SecInfo::new(PageType::Reg, RW).as_bytes());
        loader.user.put(SOURCE, &vec![0; 512 * 4096]);
        loader
    };
    // SECS and 511 pages share the first
    let mut loader = enclave("4M");
    assert_eq!(loader.add_pages(&request(0, 511 * 4096, false)), Ok(0));
    assert_eq!(loader.machine.driver().counters().owned, 513);
    let full = request(511 * 4096, 4096, false);
    assert_cause(add_failing(&mut loader, &full, Leaf::Epa, 0), Cause::EpaFaulted);
    assert_eq!(loader.machine.driver().counters().owned, 513);
    assert_eq!(loader.add_pages(&full), Ok(0));
    assert_eq!(loader.machine.driver().counters().owned, 515);

    // room for the page alone
    let mut loader = enclave("2056K");
    assert_cause(loader.add_pages(&request(0, 512 * 4096, false)), Cause::NoEpcForVa);
    assert_eq!(loader.count(), 511 * 4096);
    assert_eq!(loader.machine.driver().counters().free, 1);
}

#[test]
fn the_new_version_array_goes_with_the_page_that_failed() {
    let mut image = image();
    image.size = 0x40_0000;
    let mut loader = Loader::open(machine::boot("4M"));
    assert_eq!(loader.create(&secs(&image)), Ok(0));
    loader.user.put(SECINFO, SecInfo::new(PageType::Reg, RW).as_bytes());
    loader.user.put(SOURCE, &vec![0; 512 * 4096]);
    assert_eq!(loader.add_pages(&request(0, 511 * 4096, false)), Ok(0));
    assert_cause(loader.add_pages(&request(0, 4096, false)), Cause::PagePresent);
    assert_eq!(loader.machine.driver().counters().owned, 513);
}

#[test]
fn a_count_that_cannot_be_written_overrides_the_outcome() {
    let read_only = PageRights { write: false, ..PageRights::ALL };
    let mut loader = created();
    loader.user.put(ARGUMENT, request(0, 0x1000, true).as_bytes());
    loader.user.map(ARGUMENT, read_only);
    let add = |loader: &mut Loader| {
        done(loader.machine.ioctl(&mut loader.user, loader.id, abi::ENCLAVE_ADD_PAGES, ARGUMENT))
    };
    assert_cause(add(&mut loader), Cause::CountUnwritable);
    // the page was added all the same, and the EBUSY of the second call is overridden too
    assert_eq!(loader.machine.driver().counters().owned, 3);
    assert_cause(add(&mut loader), Cause::CountUnwritable);
}

use anyclave_arch::{Attributes, Encls as Leaf, Flags, Linear};
use anyclave_cpu::Bare;
use anyclave_driver::{Answer, Errno, abi};
use anyclave_testkit::enclave::{ARGUMENT, BASE, Loader, SECS, image, secs};
use anyclave_testkit::encls::Failing;
use anyclave_testkit::machine;
use anyclave_trace::ioctl::CreateCause as Cause;
use zerocopy::IntoBytes;

use super::{assert_cause, done, loader};

#[test]
fn the_enclave_has_the_secs_place_and_state() {
    let mut loader = loader();
    assert_eq!(loader.create(&secs(&image())), Ok(0));
    let enclave = loader.machine.driver().enclave(loader.id).unwrap();
    assert!(enclave.is_created() && !enclave.is_initialised() && !enclave.is_debug());
    assert_eq!((enclave.base(), enclave.size()), (Linear(BASE), 0x8000));
    // SECS and the first version array
    assert_eq!(loader.machine.driver().counters().owned, 2);
}

#[test]
fn debug_is_taken_from_the_secs() {
    let mut loader = loader();
    let mut secs = secs(&image());
    secs.attributes = Attributes::new(Flags::MODE64BIT | Flags::DEBUG, 3);
    assert_eq!(loader.create(&secs), Ok(0));
    assert!(loader.machine.driver().enclave(loader.id).unwrap().is_debug());
}

#[test]
fn a_second_create_is_refused_before_its_argument_is_read() {
    let mut loader = loader();
    assert_eq!(loader.create(&secs(&image())), Ok(0));
    let reply = done(loader.machine.ioctl(&mut loader.user, loader.id, abi::ENCLAVE_CREATE, 0));
    assert_cause(reply, Cause::AlreadyCreated);
}

#[test]
fn unreadable_structures_fault() {
    let mut loader = loader();
    let reply = done(loader.machine.ioctl(&mut loader.user, loader.id, abi::ENCLAVE_CREATE, ARGUMENT));
    assert_cause(reply, Cause::ArgumentUnreadable);
    // the SECS crosses into a page that is not mapped
    let mut loader = super::loader();
    loader.user.put(SECS, &[0; 8]);
    let create = abi::Create { src: SECS.into() };
    assert_cause(loader.call(abi::ENCLAVE_CREATE, create.as_bytes()), Cause::SecsUnreadable);
}

#[test]
fn sizes_that_are_no_power_of_two_are_invalid() {
    for size in [0, 3, 0x3000, 0x8001, u64::MAX] {
        let mut loader = loader();
        let mut secs = secs(&image());
        secs.size = size.into();
        assert_cause(loader.create(&secs), Cause::SizeNotPowerOfTwo);
        assert_eq!(loader.machine.driver().counters().owned, 0);
    }
}

#[test]
fn only_the_largest_size_exceeds_the_backing_file() {
    let reply = |size: u64| {
        let mut loader = loader();
        let mut secs = secs(&image());
        secs.size = size.into();
        let reply = loader.create(&secs);
        assert_eq!(loader.machine.driver().counters().owned, 0);
        reply
    };
    assert_cause(reply(1 << 63), Cause::BackingTooLarge);
    assert_cause(reply(1 << 62), Cause::EcreateFaulted);
    assert_cause(reply(1), Cause::EcreateFaulted);
}

#[test]
fn a_full_epc_has_no_memory() {
    let mut one = Loader::open(machine::boot("4K"));
    assert_cause(one.create(&secs(&image())), Cause::NoEpcForSecs);
    assert_eq!(one.machine.driver().counters().free, 1);

    let mut none = Loader::open(machine::boot("8K"));
    assert_eq!(none.create(&secs(&image())), Ok(0));
    none.id = none.machine.open();
    assert_cause(none.create(&secs(&image())), Cause::NoEpcForVa);
}

#[test]
fn every_fault_of_ecreate_is_an_input_output_error() {
    let good = secs(&image());
    let mut unaligned = good;
    unaligned.base = (BASE + 0x1000).into();
    let mut attributes = good;
    attributes.attributes = Attributes::new(Flags::MODE64BIT | Flags::INIT, 3);
    let mut xfrm = good;
    xfrm.attributes = Attributes::new(Flags::MODE64BIT, 1);
    let mut frame = good;
    frame.ssaframesize = 0.into();
    let mut reserved = good;
    reserved.reserved4[0] = 1;
    for bad in [unaligned, attributes, xfrm, frame, reserved] {
        let mut loader = loader();
        let refusal = loader.create(&bad).unwrap_err();
        assert_eq!(refusal.cause, Cause::EcreateFaulted.into());
        assert_eq!(refusal.answer(), Answer::Errno(Errno::Eio));
        assert!(refusal.leaf.is_some());
        assert_eq!(loader.machine.driver().counters().owned, 0);
        // and it may be tried again
        assert_eq!(loader.create(&good), Ok(0));
    }
}

#[test]
fn a_fault_of_epa_is_a_bad_address() {
    let mut loader = loader();
    loader.user.put(SECS, secs(&image()).as_bytes());
    loader.user.put(ARGUMENT, abi::Create { src: SECS.into() }.as_bytes());
    let parts = loader.machine.parts();
    let mut encls = Failing::new(Bare::new(parts.package, parts.kernel)).leaf(Leaf::Epa, 0);
    let reply = parts.driver.ioctl(&mut encls, &mut loader.user, loader.id, abi::ENCLAVE_CREATE, ARGUMENT);
    assert_cause(done(reply), Cause::EpaFaulted);
    assert_eq!(loader.machine.driver().counters().owned, 0);
}

#[test]
fn the_processor_alone_judges_the_base() {
    // neither mapped nor free: the driver does not look
    let mut loader = loader();
    loader.user.put(BASE, &[1]);
    assert_eq!(loader.create(&secs(&image())), Ok(0));
}

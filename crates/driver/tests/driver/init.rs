use std::time::Duration;

use anyclave_arch::{Attributes, Encls as Leaf, Flags, MiscSelect, SigStruct, msr};
use anyclave_cpu::Bare;
use anyclave_crypto::sha256;
use anyclave_driver::{Answer, Errno, Progress, Reply, Wait, abi};
use anyclave_sign::{Image, SignOptions};
use anyclave_testkit::enclave::{ARGUMENT, Loader, SIGSTRUCT, image, secs, sign, signer};
use anyclave_testkit::encls::Failing;
use anyclave_testkit::vectors::vector;
use anyclave_trace::ioctl::InitCause as Cause;
use zerocopy::{FromBytes, IntoBytes};

use super::{assert_cause, done, loader};

/// The pause between rounds of EINIT.
const PAUSE: Progress<Reply> = Progress::Wait(Wait::Sleep(Duration::from_millis(20)));

/// An enclave that waits for INIT.
fn built(image: &Image) -> Loader {
    let mut loader = loader();
    loader.build(image, &secs(image));
    loader
}

#[test]
fn a_signed_enclave_launches_and_the_hash_msrs_name_its_signer() {
    let image = image();
    let mut loader = built(&image);
    let sigstruct = sign(&image);
    assert_eq!(done(loader.init(&sigstruct)), Ok(0));
    assert!(loader.machine.driver().enclave(loader.id).unwrap().is_initialised());
    let signer = msr::lepubkeyhash_msrs(&sha256(&sigstruct.modulus));
    assert_eq!(loader.machine.package().lepubkeyhash(), signer);
}

#[test]
fn the_state_of_the_enclave_comes_first() {
    let mut fresh = loader();
    let reply = done(fresh.machine.ioctl(&mut fresh.user, fresh.id, abi::ENCLAVE_INIT, 0));
    assert_cause(reply, Cause::NotCreated);

    let image = image();
    let mut twice = built(&image);
    assert_eq!(done(twice.init(&sign(&image))), Ok(0));
    let reply = done(twice.machine.ioctl(&mut twice.user, twice.id, abi::ENCLAVE_INIT, 0));
    assert_cause(reply, Cause::AlreadyInitialised);
}

#[test]
fn unreadable_structures_fault() {
    let mut loader = built(&image());
    let reply = done(loader.machine.ioctl(&mut loader.user, loader.id, abi::ENCLAVE_INIT, 0x10));
    assert_cause(reply, Cause::ArgumentUnreadable);
    loader.user.unmap(SIGSTRUCT);
    let init = abi::Init { sigstruct: SIGSTRUCT.into() };
    assert_cause(loader.call(abi::ENCLAVE_INIT, init.as_bytes()), Cause::SigstructUnreadable);
}

#[test]
fn a_sigstruct_may_end_with_its_page() {
    let image = image();
    let mut loader = built(&image);
    let at = SIGSTRUCT.next_multiple_of(4096) - 1808;
    loader.user.put(at, sign(&image).as_bytes());
    let init = abi::Init { sigstruct: at.into() };
    assert_eq!(loader.call(abi::ENCLAVE_INIT, init.as_bytes()), Ok(0));
}

#[test]
fn vendors_other_than_nobody_and_intel_are_invalid() {
    let image = image();
    for (vendor, known) in [(0, true), (0x8086, true), (1, false), (0x8000_8086, false)] {
        let sigstruct = SignOptions { vendor, ..SignOptions::default() }.sign(&image.mrenclave(), signer());
        let reply = done(built(&image).init(&sigstruct));
        if known {
            assert_eq!(reply, Ok(0));
        } else {
            assert_cause(reply, Cause::VendorUnknown);
        }
    }
}

#[test]
fn attributes_need_a_permission() {
    let image = image();
    for attribute in [Flags::PROVISIONKEY, Flags::EINITTOKENKEY] {
        let mut loader = loader();
        let mut secs = secs(&image);
        secs.attributes = Attributes::new(Flags::MODE64BIT | attribute, 3);
        loader.build(&image, &secs);
        // before what SIGSTRUCT enforces is looked at
        let mut sigstruct = sign(&image);
        sigstruct.attributemask = Attributes::new(Flags::all(), !0);
        sigstruct.attributes = Attributes::new(Flags::all(), !0);
        let refusal = done(loader.init(&sigstruct)).unwrap_err();
        assert_eq!(refusal.cause, Cause::AttributeNotPermitted.into());
        assert_eq!(refusal.answer(), Answer::Errno(Errno::Eacces));
    }
}

#[test]
fn what_sigstruct_enforces_must_be_there() {
    let image = image();
    let init = |damage: fn(&mut SigStruct)| {
        let mut sigstruct = sign(&image);
        sigstruct.attributemask = Attributes::new(Flags::all(), !0);
        sigstruct.miscmask = (!0).into();
        damage(&mut sigstruct);
        done(built(&image).init(&sigstruct))
    };
    assert_cause(
        init(|s| s.attributes = Attributes::new(Flags::MODE64BIT | Flags::AEXNOTIFY, 3)),
        Cause::AttributesUnsupported,
    );
    assert_cause(init(|s| s.attributes = Attributes::new(Flags::INIT, 3)), Cause::AttributesUnsupported);
    assert_cause(init(|s| s.miscselect = 2.into()), Cause::MiscselectUnsupported);
    assert_cause(init(|s| s.attributes = Attributes::new(Flags::MODE64BIT, 0xb)), Cause::XfrmUnsupported);
    // the first of several
    assert_cause(
        init(|s| {
            s.attributes = Attributes::new(Flags::CET, 0xb);
            s.miscselect = 2.into();
        }),
        Cause::AttributesUnsupported,
    );
    // what the mask leaves out is nobody's business but EINIT's, which finds the signature damaged
    assert_cause(
        init(|s| {
            s.attributes = Attributes::new(Flags::all(), !0);
            s.attributemask = Attributes::new(Flags::empty(), 0);
            s.miscselect = MiscSelect::all().bits().into();
            s.miscmask = 0.into();
        }),
        Cause::EinitRefused,
    );
}

#[test]
fn every_code_of_einit_is_a_lack_of_permission_and_init_may_be_repeated() {
    let image = image();
    let good = sign(&image);
    let mut header = good;
    header.header[0] ^= 1;
    let mut signature = good;
    signature.signature[0] ^= 1;
    let measurement = SignOptions::default().sign(&[0; 32], signer());
    let attributes = SignOptions {
        attributes: Attributes::new(Flags::MODE64BIT | Flags::DEBUG, 3),
        attributemask: Attributes::new(Flags::all(), !0),
        ..SignOptions::default()
    }
    .sign(&image.mrenclave(), signer());
    let mut loader = built(&image);
    for (sigstruct, code) in [(header, 1), (signature, 8), (measurement, 4), (attributes, 2)] {
        let refusal = done(loader.init(&sigstruct)).unwrap_err();
        assert_eq!(refusal.cause, Cause::EinitRefused.into());
        assert_eq!(refusal.answer(), Answer::Errno(Errno::Eperm));
        assert_eq!(refusal.found, Some(code));
        assert!(!loader.machine.driver().enclave(loader.id).unwrap().is_initialised());
    }
    assert_eq!(done(loader.init(&good)), Ok(0));
}

#[test]
fn a_fault_of_einit_is_an_input_output_error() {
    let image = image();
    let mut loader = built(&image);
    loader.user.put(SIGSTRUCT, sign(&image).as_bytes());
    loader.user.put(ARGUMENT, abi::Init { sigstruct: SIGSTRUCT.into() }.as_bytes());
    let parts = loader.machine.parts();
    let mut encls = Failing::new(Bare::new(parts.package, parts.kernel)).leaf(Leaf::Einit, 0);
    let reply = parts.driver.ioctl(&mut encls, &mut loader.user, loader.id, abi::ENCLAVE_INIT, ARGUMENT);
    assert_cause(done(reply), Cause::EinitFaulted);
}

#[test]
fn events_are_waited_out() {
    let image = image();
    let mut loader = built(&image);
    loader.machine.parts().kernel.event_pending = true;
    assert_eq!(loader.init(&sign(&image)), PAUSE);
    assert!(loader.machine.driver().enclave(loader.id).unwrap().is_busy());
    loader.machine.parts().kernel.event_pending = false;
    assert_eq!(loader.machine.resume(&mut loader.user, loader.id), Progress::Done(Ok(0)));
    assert!(!loader.machine.driver().enclave(loader.id).unwrap().is_busy());
}

#[test]
fn fifty_interrupted_rounds_are_refused() {
    let image = image();
    let mut loader = built(&image);
    loader.machine.parts().kernel.event_pending = true;
    let mut progress = loader.init(&sign(&image));
    for _ in 0..50 {
        assert_eq!(progress, PAUSE);
        progress = loader.machine.resume(&mut loader.user, loader.id);
    }
    let refusal = done(progress).unwrap_err();
    assert_eq!((refusal.cause, refusal.found), (Cause::EinitRefused.into(), Some(128)));
    loader.machine.parts().kernel.event_pending = false;
    assert_eq!(done(loader.init(&sign(&image))), Ok(0));
}

#[test]
fn a_signal_in_a_pause_restarts_the_call() {
    let image = image();
    let mut loader = built(&image);
    loader.machine.parts().kernel.event_pending = true;
    // a signal that is there at the start does not matter yet
    loader.user.signal = true;
    assert_eq!(loader.init(&sign(&image)), PAUSE);
    let refusal = done(loader.machine.resume(&mut loader.user, loader.id)).unwrap_err();
    assert_eq!(refusal.answer(), Answer::Restart);
    assert_eq!(refusal.cause, Cause::SignalPending.into());
    assert!(!loader.machine.driver().enclave(loader.id).unwrap().is_busy());
}

#[test]
fn a_production_enclave_of_others_launches() {
    let test = "a_production_enclave_of_others_launches";
    let (Some(stream), Some(sigstruct)) =
        (vector(test, "test_enclave.sgxs"), vector(test, "test_enclave.sig"))
    else {
        return;
    };
    let image = Image::parse(&stream).unwrap();
    let sigstruct = SigStruct::read_from_bytes(&sigstruct).unwrap();
    let mut loader = Loader::open(anyclave_testkit::machine::boot("1M"));
    let mut secs = secs(&image);
    secs.attributes = sigstruct.attributes;
    secs.miscselect = sigstruct.miscselect;
    assert_eq!(loader.launch(&image, &secs, &sigstruct), Ok(0));
    assert!(!loader.machine.driver().enclave(loader.id).unwrap().is_debug());
}

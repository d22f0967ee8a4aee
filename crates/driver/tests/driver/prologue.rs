use anyclave_driver::{Answer, Errno, abi};
use anyclave_testkit::enclave::{Loader, image, secs, sign};
use anyclave_testkit::machine;
use anyclave_trace::ioctl::PrologueCause as Cause;

use super::{assert_cause, done, loader};

#[test]
fn commands_that_do_not_exist_are_no_ioctls_of_the_device() {
    let mut loader = loader();
    let commands = [
        0,
        0x5401,
        // vepc's, and DCAP's INIT with its other size
        0x0000_a404,
        0x4010_a402,
        // right number, wrong size or direction
        0x4010_a400,
        0x8008_a400,
        u32::MAX,
    ];
    for command in commands {
        let refusal = done(loader.machine.ioctl(&mut loader.user, loader.id, command, 0)).unwrap_err();
        assert_eq!(refusal.cause, Cause::UnknownCommand.into(), "{command:#x}");
        assert_eq!(refusal.answer(), Answer::Errno(Errno::Enotty));
    }
}

/// The ioctls for dynamic memory.
const SGX2: [u32; 3] =
    [abi::ENCLAVE_RESTRICT_PERMISSIONS, abi::ENCLAVE_MODIFY_TYPES, abi::ENCLAVE_REMOVE_PAGES];

/// An enclave file on a processor with or without a feature.
fn loader_on(cpu: &str) -> Loader {
    Loader::open(machine::boot_on(cpu, "1M"))
}

#[test]
fn sgx2_ioctls_are_those_of_an_older_driver() {
    let mut loader = loader_on("icelake");
    for command in SGX2 {
        let refusal = done(loader.machine.ioctl(&mut loader.user, loader.id, command, 0)).unwrap_err();
        assert_eq!(refusal.cause, Cause::UnknownCommand.into());
        assert_eq!(refusal.answer(), Answer::Errno(Errno::Enotty));
    }
}

#[test]
fn sgx2_ioctls_need_sgx2_whatever_the_state() {
    let mut loader = loader_on("icelake,-sgx2");
    for _ in 0..2 {
        for command in SGX2 {
            let refusal = done(loader.machine.ioctl(&mut loader.user, loader.id, command, 0)).unwrap_err();
            assert_eq!(refusal.cause, Cause::NoSgx2.into());
            assert_eq!(refusal.answer(), Answer::Errno(Errno::Enodev));
        }
        if !loader.machine.driver().enclave(loader.id).unwrap().is_created() {
            assert_eq!(loader.create(&secs(&image())), Ok(0));
        }
    }
}

#[test]
fn a_released_file_has_no_ioctls_and_nothing_to_resume() {
    let mut loader = loader();
    loader.machine.release(loader.id);
    let reply = loader.machine.ioctl(&mut loader.user, loader.id, abi::ENCLAVE_CREATE, 0);
    assert_cause(done(reply), Cause::UnknownCommand);
    assert_cause(done(loader.machine.resume(&mut loader.user, loader.id)), Cause::UnknownCommand);
}

#[test]
fn a_file_with_an_ioctl_in_progress_is_busy_for_every_command() {
    let mut loader = loader();
    loader.build(&image(), &secs(&image()));
    loader.machine.parts().kernel.event_pending = true;
    assert_eq!(loader.init(&sign(&image())).done(), None);
    for command in [abi::ENCLAVE_CREATE, abi::ENCLAVE_PROVISION, abi::ENCLAVE_MODIFY_TYPES, 0] {
        let refusal = done(loader.machine.ioctl(&mut loader.user, loader.id, command, 0)).unwrap_err();
        assert_eq!(refusal.cause, Cause::Busy.into());
        assert_eq!(refusal.answer(), Answer::Errno(Errno::Ebusy));
    }
    // another file is not concerned
    let other = loader.machine.open();
    let reply = loader.machine.ioctl(&mut loader.user, other, abi::ENCLAVE_PROVISION, 0);
    assert_cause(done(reply), anyclave_trace::ioctl::ProvisionCause::ArgumentUnreadable);
    loader.machine.parts().kernel.event_pending = false;
    assert_eq!(done(loader.machine.resume(&mut loader.user, loader.id)), Ok(0));
}

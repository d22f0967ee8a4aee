use anyclave_arch::{Attributes, Flags};
use anyclave_driver::{Reply, abi};
use anyclave_sign::SignOptions;
use anyclave_testkit::enclave::{Loader, image, secs, sign, signer};
use anyclave_trace::ioctl::{InitCause, ProvisionCause as Cause};
use zerocopy::IntoBytes;

use super::{assert_cause, done, loader};

fn provision(loader: &mut Loader, fd: u64) -> Reply {
    loader.call(abi::ENCLAVE_PROVISION, abi::Provision { fd: fd.into() }.as_bytes())
}

/// A file whose process has the provision node open as 5, and an enclave that wants the key.
fn wanting() -> (Loader, anyclave_arch::Secs, anyclave_arch::SigStruct) {
    let image = image();
    let mut loader = loader();
    loader.user.provision_files.insert(5);
    let attributes = Attributes::new(Flags::MODE64BIT | Flags::PROVISIONKEY, 3);
    let secs = anyclave_arch::Secs { attributes, ..secs(&image) };
    let options = SignOptions { attributes, ..SignOptions::default() };
    (loader, secs, options.sign(&image.mrenclave(), signer()))
}

#[test]
fn after_create_the_permission_lets_the_key_through() {
    let (mut loader, secs, sigstruct) = wanting();
    loader.build(&image(), &secs);
    assert_eq!(provision(&mut loader, 5), Ok(0));
    assert_eq!(done(loader.init(&sigstruct)), Ok(0));
}

#[test]
fn before_create_the_permission_is_granted_and_forgotten() {
    let (mut loader, secs, sigstruct) = wanting();
    assert_eq!(provision(&mut loader, 5), Ok(0));
    loader.build(&image(), &secs);
    assert_cause(done(loader.init(&sigstruct)), InitCause::AttributeNotPermitted);
    // and may be asked for again
    assert_eq!(provision(&mut loader, 5), Ok(0));
    assert_eq!(done(loader.init(&sigstruct)), Ok(0));
}

#[test]
fn after_init_the_permission_is_useless_and_granted() {
    let image = image();
    let mut loader = loader();
    loader.user.provision_files.insert(5);
    assert_eq!(loader.launch(&image, &secs(&image), &sign(&image)), Ok(0));
    assert_eq!(provision(&mut loader, 5), Ok(0));
}

#[test]
fn other_descriptors_are_invalid() {
    let (mut loader, ..) = wanting();
    for fd in [0, 4, 6, u64::from(u32::MAX)] {
        assert_cause(provision(&mut loader, fd), Cause::NotProvisionFile);
    }
}

#[test]
fn the_upper_half_of_the_descriptor_is_ignored() {
    let (mut loader, ..) = wanting();
    assert_eq!(provision(&mut loader, 0xffff_0000_0000_0005), Ok(0));
}

#[test]
fn an_unreadable_argument_faults() {
    let mut loader = loader();
    let reply = loader.machine.ioctl(&mut loader.user, loader.id, abi::ENCLAVE_PROVISION, 0x10);
    assert_cause(done(reply), Cause::ArgumentUnreadable);
}

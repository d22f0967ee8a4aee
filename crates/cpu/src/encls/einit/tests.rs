use anyclave_arch::msr::{LEPUBKEYHASH_RESET, lepubkeyhash_msrs};
use anyclave_arch::sigstruct::RSA_SIZE;
use anyclave_arch::{Attributes, Encls};
use zerocopy::FromZeros;

use super::*;
use crate::launch::LaunchControl;
use crate::testing::{
    Enclave, EnclaveSpec, EnclsScene, Executed, Machine, SIGSTRUCT, SRCPGE, TOKEN, flat, refusals_but,
    resign, vector,
};

/// MRSIGNER of a launch enclave that is not the enclave's own signer.
const LAUNCH_SIGNER: [u8; 32] = [9; 32];

struct Init {
    machine: Machine,
    enclave: Enclave,
    sigstruct: SigStruct,
    token: EinitToken,
    /// Bits that spoil the token's MAC.
    spoil: u8,
    operands: [u64; 3],
}

impl Init {
    fn new() -> Self {
        Self::of(Flags::DEBUG | Flags::MODE64BIT)
    }

    /// An enclave with these attributes, whose signer may launch it.
    fn of(flags: Flags) -> Self {
        let mut machine = Machine::new();
        machine.package.config.attributes |= flags;
        let mut spec = EnclaveSpec::default();
        spec.secs.attributes = Attributes::new(flags, 7);
        let (enclave, sigstruct) = (machine.build(&spec), spec.sigstruct());
        machine.trust(&sigstruct);
        let operands = [SIGSTRUCT.0, flat(enclave.secs).0, TOKEN.0];
        Self { machine, enclave, sigstruct, token: EinitToken::new_zeroed(), spoil: 0, operands }
    }

    fn sign(&mut self, edit: impl FnOnce(&mut SigStruct)) {
        edit(&mut self.sigstruct);
        resign(&mut self.sigstruct);
    }

    /// Another signer may launch enclaves.
    fn distrust(&mut self) {
        self.machine.package.set_lepubkeyhash(LEPUBKEYHASH_RESET).unwrap();
    }

    /// A launch enclave permits this enclave.
    fn grant(&mut self, edit: impl FnOnce(&mut EinitToken)) {
        self.machine.package.set_lepubkeyhash(lepubkeyhash_msrs(&LAUNCH_SIGNER)).unwrap();
        let secs = self.machine.secs(self.enclave.secs);
        self.token = EinitToken {
            valid: 1.into(),
            attributes: secs.attributes,
            mrenclave: self.sigstruct.enclavehash,
            mrsigner: sha256(&self.sigstruct.modulus),
            cpusvnle: [2; 16],
            isvprodidle: 0x20.into(),
            isvsvnle: 1.into(),
            maskedattributesle: Attributes::new(Flags::INIT | Flags::EINITTOKENKEY, 0),
            keyid: [5; 32],
            ..EinitToken::new_zeroed()
        };
        edit(&mut self.token);
    }

    fn run(&mut self) -> Executed {
        self.place();
        self.execute()
    }

    fn secs(&mut self) -> SecsPage {
        self.machine.secs(self.enclave.secs)
    }
}

impl EnclsScene for Init {
    fn machine(&mut self) -> &mut Machine {
        &mut self.machine
    }

    fn place(&mut self) {
        let key = keys::einit_token_key(&self.machine.package.config, &self.token, &LAUNCH_SIGNER);
        self.token.mac = aes128_cmac(&key, &self.token.as_bytes()[..MACED_SIZE]);
        self.token.mac[0] ^= self.spoil;
        self.machine.space.put(SIGSTRUCT, &self.sigstruct);
        self.machine.space.put(TOKEN, &self.token);
    }

    fn execute(&mut self) -> Executed {
        self.machine.encls(Encls::Einit, self.operands)
    }
}

fn one() -> [u8; RSA_SIZE] {
    core::array::from_fn(|index| u8::from(index == 0))
}

#[test]
fn every_check_refuses_and_changes_nothing() {
    refusals_but::<Cause, Init>(
        Cause::ALL,
        Init::new,
        &[
            (Cause::RbxUnaligned, |s| s.operands[0] += 512),
            (Cause::RcxUnaligned, |s| s.operands[1] += 512),
            (Cause::RdxUnaligned, |s| s.operands[2] += 256),
            (Cause::RcxNotEpc, |s| s.operands[1] = SRCPGE.0),
            (Cause::HeaderInvalid, |s| s.sign(|sigstruct| sigstruct.header[0] = 7)),
            (Cause::VendorInvalid, |s| s.sign(|sigstruct| sigstruct.vendor.set(1))),
            (Cause::Header2Invalid, |s| s.sign(|sigstruct| sigstruct.header2[15] = 1)),
            (Cause::ExponentInvalid, |s| s.sigstruct.exponent.set(65537)),
            (Cause::SigstructReserved, |s| s.sign(|sigstruct| sigstruct.reserved1[83] = 1)),
            (Cause::SigstructReserved, |s| s.sign(|sigstruct| sigstruct.reserved2[0] = 1)),
            (Cause::SigstructReserved, |s| s.sign(|sigstruct| sigstruct.reserved3[0] = 1)),
            (Cause::SigstructReserved, |s| s.sigstruct.reserved4[11] = 1),
            (Cause::EventPending, |s| s.machine.processor.event_pending = true),
            (Cause::SignatureNotBelowModulus, |s| s.sigstruct.signature = s.sigstruct.modulus),
            (Cause::Q1TooLarge, |s| s.sigstruct.q1 = [0xff; RSA_SIZE]),
            (Cause::Q1TooSmall, |s| s.sigstruct.q1 = [0; RSA_SIZE]),
            (Cause::Q2TooLarge, |s| s.sigstruct.q2 = [0xff; RSA_SIZE]),
            (Cause::Q2TooSmall, |s| s.sigstruct.q2 = [0; RSA_SIZE]),
            (Cause::SignatureOfOtherKey, |s| {
                s.sigstruct.signature = one();
                s.sigstruct.q1 = [0; RSA_SIZE];
                s.sigstruct.q2 = [0; RSA_SIZE];
            }),
            (Cause::SignatureOfOtherContents, |s| s.sigstruct.isvsvn += 1),
            (Cause::SecsConflict, |s| s.machine.hold(Linear(s.operands[1]), Lock::EXCLUSIVE)),
            (Cause::SecsInvalid, |s| s.operands[1] = flat(s.machine.free_page()).0),
            (Cause::SecsNotSecs, |s| s.operands[1] = flat(s.enclave.page(0)).0),
            (Cause::AlreadyInitialised, |s| s.run().assert_success()),
            (Cause::FamilyWithoutKss, |s| s.sign(|sigstruct| sigstruct.isvfamilyid[15] = 1)),
            (Cause::MeasurementConflict, |s| s.machine.hold(Linear(s.operands[1]), Lock::MEASUREMENT)),
            (Cause::MeasurementMismatch, |s| s.sign(|sigstruct| sigstruct.enclavehash[31] ^= 1)),
            (Cause::EinittokenkeyForbidden, |s| {
                *s = Init::of(Flags::MODE64BIT | Flags::EINITTOKENKEY);
                s.distrust();
            }),
            (Cause::FlagsMismatch, |s| s.sign(|sigstruct| sigstruct.attributes.flags ^= 1 << 4)),
            (Cause::FlagsMismatch, |s| s.sign(|sigstruct| sigstruct.attributes.flags |= 1)),
            (Cause::XfrmMismatch, |s| s.sign(|sigstruct| sigstruct.attributes.xfrm.set(3))),
            (Cause::MiscselectMismatch, |s| s.sign(|sigstruct| sigstruct.miscselect.set(0))),
            (Cause::CetMismatch, |s| {
                s.sign(|sigstruct| {
                    sigstruct.cet_attributes = 1;
                    sigstruct.cet_attributes_mask = 1;
                });
            }),
            (Cause::SignerNotTrusted, Init::distrust),
            (Cause::SignerNotTrusted, |s| s.grant(|token| token.valid.set(0))),
            (Cause::TokenDebug, |s| {
                *s = Init::of(Flags::MODE64BIT);
                s.grant(|token| token.maskedattributesle.flags |= Flags::DEBUG.bits());
            }),
            (Cause::TokenReserved, |s| s.grant(|token| token.valid.set(3))),
            (Cause::TokenReserved, |s| s.grant(|token| token.reserved1[0] = 1)),
            (Cause::TokenReserved, |s| s.grant(|token| token.reserved2[31] = 1)),
            (Cause::TokenReserved, |s| s.grant(|token| token.reserved3[0] = 1)),
            (Cause::TokenReserved, |s| s.grant(|token| token.reserved4[22] = 1)),
            (Cause::TokenReserved, |s| s.grant(|token| token.cet_masked_attributes_le = 1)),
            (Cause::TokenCpusvn, |s| s.grant(|token| token.cpusvnle[15] = 3)),
            (Cause::TokenMac, |s| {
                s.grant(|_| {});
                s.spoil = 1;
            }),
            (Cause::TokenMac, |s| {
                s.grant(|_| {});
                s.distrust();
            }),
            (Cause::TokenMrenclave, |s| s.grant(|token| token.mrenclave[0] ^= 1)),
            (Cause::TokenMrsigner, |s| s.grant(|token| token.mrsigner[0] ^= 1)),
            (Cause::TokenAttributes, |s| s.grant(|token| token.attributes.flags ^= 1 << 4)),
            (Cause::TokenAttributes, |s| s.grant(|token| token.attributes.xfrm.set(3))),
        ],
        &[Cause::Q2TooSmall, Cause::AlreadyInitialised],
    );
}

#[test]
fn an_initialised_enclave_faults_whatever_the_sigstruct_wants_of_it() {
    let mut scene = Init::new();
    scene.run().assert_success();
    scene.sign(|sigstruct| sigstruct.isvfamilyid[0] = 1);
    scene.run().assert_refused(Cause::AlreadyInitialised);
}

#[test]
fn the_enclave_gets_its_identity() {
    let mut scene = Init::new();
    let before = scene.secs();
    scene.run().assert_success();
    let secs = scene.secs();
    assert_eq!(secs.mrenclave, EnclaveSpec::default().mrenclave());
    assert_eq!(secs.mrsigner, sha256(&scene.sigstruct.modulus));
    assert_eq!((secs.isvprodid.get(), secs.isvsvn.get()), (7, 3));
    assert_eq!(secs.padding, PKCS1_PADDING);
    assert_eq!(secs.attributes.flags.get(), before.attributes.flags.get() | 1);
    assert_eq!((secs.eid, secs.child_count), (before.eid, before.child_count));
}

#[test]
fn a_locked_hash_launches_its_signer_alone() {
    let with = |launch_control| {
        let mut scene = Init::new();
        scene.machine.package.config.launch_control = launch_control;
        scene.machine.package.lepubkeyhash = launch_control.hash();
        scene
    };
    let signer = sha256(&Init::new().sigstruct.modulus);
    with(LaunchControl::Locked(signer)).run().assert_success();
    for other in [LaunchControl::Locked([7; 32]), LaunchControl::intel(), LaunchControl::Absent] {
        with(other).run().assert_refused(Cause::SignerNotTrusted);
    }
}

#[test]
fn a_token_launches_an_enclave_of_another_signer() {
    let mut scene = Init::new();
    scene.grant(|_| {});
    scene.run().assert_success();
    // A token may or may not have INIT.
    let mut scene = Init::new();
    scene.grant(|token| token.attributes.flags |= Flags::INIT.bits());
    scene.run().assert_success();
}

#[test]
fn a_debug_launch_enclave_launches_debug_enclaves() {
    let mut scene = Init::new();
    scene.grant(|token| token.maskedattributesle.flags |= Flags::DEBUG.bits());
    scene.run().assert_success();
}

#[test]
fn an_older_launch_enclave_still_counts() {
    let mut scene = Init::new();
    scene.grant(|token| token.cpusvnle = [0; 16]);
    scene.run().assert_success();
}

#[test]
fn only_the_token_key_is_under_launch_control() {
    Init::of(Flags::MODE64BIT | Flags::EINITTOKENKEY).run().assert_success();
    let mut scene = Init::of(Flags::MODE64BIT | Flags::PROVISIONKEY);
    scene.grant(|_| {});
    scene.run().assert_success();
}

#[test]
fn a_refused_einit_may_be_repeated() {
    let mut scene = Init::new();
    scene.machine.processor.event_pending = true;
    scene.run().assert_refused(Cause::EventPending);
    scene.machine.processor.event_pending = false;
    scene.distrust();
    scene.run().assert_refused(Cause::SignerNotTrusted);
    let sigstruct = scene.sigstruct;
    scene.machine.trust(&sigstruct);
    scene.run().assert_success();
}

#[test]
fn masked_out_bits_do_not_matter() {
    let mut scene = Init::new();
    scene.sign(|sigstruct| {
        sigstruct.attributes = Attributes::new(Flags::PROVISIONKEY | Flags::INIT, 3);
        sigstruct.attributemask = Attributes::default();
        sigstruct.miscselect.set(0);
        sigstruct.miscmask.set(0);
        sigstruct.cet_attributes = 0xff;
        sigstruct.isvextprodid = [1; 16];
    });
    scene.run().assert_success();
}

#[test]
fn kss_permits_a_family() {
    let mut scene = Init::of(Flags::MODE64BIT | Flags::KSS);
    scene.sign(|sigstruct| {
        sigstruct.isvfamilyid = [1; 16];
        sigstruct.isvextprodid = [2; 16];
    });
    scene.run().assert_success();
    let secs = scene.secs();
    assert_eq!((secs.isvfamilyid, secs.isvextprodid), ([1; 16], [2; 16]));
}

#[test]
fn vendor_intel_is_known() {
    let mut scene = Init::new();
    scene.sign(|sigstruct| sigstruct.vendor.set(VENDOR_INTEL));
    scene.run().assert_success();
}

/// All of EINIT that needs no image: the signature holds, so the measurement is what is refused.
#[test]
fn the_production_launch_enclave_is_signed() {
    use zerocopy::FromBytes;
    let Some(bytes) = vector("the_production_launch_enclave_is_signed", "le_prod_css.bin") else { return };
    let mut scene = Init::new();
    scene.sigstruct = SigStruct::read_from_bytes(&bytes).unwrap();
    assert_eq!(lepubkeyhash_msrs(&sha256(&scene.sigstruct.modulus)), LEPUBKEYHASH_RESET);
    scene.run().assert_refused(Cause::MeasurementMismatch);
}

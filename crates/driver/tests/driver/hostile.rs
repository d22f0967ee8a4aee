//! Whatever a program hands in, the driver answers, keeps its books and gives everything back.

use anyclave_arch::{SecInfo, Secs, SigStruct};
use anyclave_driver::{Progress, Reply, abi};
use anyclave_testkit::enclave::{ARGUMENT, BASE, Loader, SECINFO, SECS, SIGSTRUCT, SOURCE, image, secs};
use anyclave_testkit::machine;
use proptest::prelude::*;
use zerocopy::IntoBytes;

/// Numbers that programs get wrong.
fn number() -> impl Strategy<Value = u64> {
    prop_oneof![
        any::<u64>(),
        (0_u64..9).prop_map(|pages| pages * 0x1000),
        Just(ARGUMENT),
        Just(SECS),
        Just(SECINFO),
        Just(SIGSTRUCT),
        (0_u64..4).prop_map(|page| SOURCE + page * 0x1000),
        (0_u32..64).prop_map(|bit| 1 << bit),
        Just(u64::MAX),
        Just(!0xfff),
    ]
}

#[derive(Clone, Debug)]
enum Call {
    Ioctl { command: u32, words: Vec<u64>, argument: u64 },
    Secs { at: usize, value: u8 },
    Secinfo { at: usize, value: u8 },
    Sigstruct { at: usize, value: u8 },
    Event(bool),
}

fn call() -> impl Strategy<Value = Call> {
    let command = prop_oneof![
        1 => Just(abi::ENCLAVE_CREATE),
        3 => Just(abi::ENCLAVE_ADD_PAGES),
        1 => Just(abi::ENCLAVE_INIT),
        1 => Just(abi::ENCLAVE_PROVISION),
        1 => Just(abi::ENCLAVE_MODIFY_TYPES),
        1 => any::<u32>(),
    ];
    let argument = prop_oneof![6 => Just(ARGUMENT), 1 => number()];
    let ioctl = (command, prop::collection::vec(number(), 6), argument);
    prop_oneof![
        6 => ioctl.prop_map(|(command, words, argument)| Call::Ioctl { command, words, argument }),
        1 => (0..size_of::<Secs>(), any::<u8>()).prop_map(|(at, value)| Call::Secs { at, value }),
        1 => (0..size_of::<SecInfo>(), any::<u8>()).prop_map(|(at, value)| Call::Secinfo { at, value }),
        1 => (0..size_of::<SigStruct>(), any::<u8>()).prop_map(|(at, value)| Call::Sigstruct { at, value }),
        1 => any::<bool>().prop_map(Call::Event),
    ]
}

/// A program with a good SECS, SECINFO and some source, which it will now spoil.
fn program() -> Loader {
    let mut loader = Loader::open(machine::boot("64K"));
    loader.user.put(SECS, secs(&image()).as_bytes());
    loader.user.put(SECINFO, &[3, 2]);
    loader.user.put(SECINFO + 2, &[0; 62]);
    loader.user.put(SIGSTRUCT, anyclave_testkit::enclave::sign(&image()).as_bytes());
    loader.user.put(SOURCE, &[0; 0x4000]);
    loader.user.put(BASE, &[0; 16]);
    loader
}

/// Makes a call or spoils something; the reply of an ioctl.
fn make(loader: &mut Loader, call: &Call) -> Option<Reply> {
    let offset = |at: usize| u64::try_from(at).unwrap();
    match *call {
        Call::Ioctl { command, ref words, argument } => {
            loader.user.put(ARGUMENT, words.as_bytes());
            let mut progress = loader.machine.ioctl(&mut loader.user, loader.id, command, argument);
            while let Progress::Wait(_) = progress {
                progress = loader.machine.resume(&mut loader.user, loader.id);
            }
            return progress.done();
        }
        Call::Secs { at, value } => loader.user.put(SECS + offset(at), &[value]),
        Call::Secinfo { at, value } => loader.user.put(SECINFO + offset(at), &[value]),
        Call::Sigstruct { at, value } => loader.user.put(SIGSTRUCT + offset(at), &[value]),
        Call::Event(pending) => loader.machine.parts().kernel.event_pending = pending,
    }
    None
}

proptest! {
    #[test]
    fn no_call_panics_or_loses_a_page(calls in prop::collection::vec(call(), 0..24)) {
        let mut loader = program();
        for call in calls {
            let _reply = make(&mut loader, &call);
            let counters = loader.machine.driver().counters();
            let enclave = loader.machine.driver().enclave(loader.id).unwrap();
            prop_assert_eq!(counters.owned, u64::try_from(enclave.epc_pages()).unwrap());
            prop_assert_eq!(counters.free + counters.owned, counters.total);
        }
        loader.machine.release(loader.id);
        let counters = loader.machine.driver().counters();
        prop_assert_eq!(counters.free, counters.total);
    }

    #[test]
    fn memory_that_comes_late_changes_no_answer(calls in prop::collection::vec(call(), 0..24)) {
        let mut loaders = [program(), program()];
        loaders.iter_mut().for_each(|loader| loader.user.put(ARGUMENT, &[0; 48]));
        for call in calls {
            let mut replies = Vec::new();
            for (late, loader) in [false, true].into_iter().zip(&mut loaders) {
                if late {
                    loader.user.be_slow();
                }
                replies.push(make(loader, &call));
            }
            prop_assert_eq!(&replies[0], &replies[1]);
            let [now, late] = &loaders;
            prop_assert_eq!(now.count(), late.count());
            prop_assert_eq!(now.machine.driver().counters(), late.machine.driver().counters());
        }
    }

    #[test]
    fn random_structures_are_answered(
        command in prop::sample::select(vec![
            abi::ENCLAVE_CREATE, abi::ENCLAVE_ADD_PAGES, abi::ENCLAVE_INIT, abi::ENCLAVE_PROVISION,
        ]),
        bytes in prop::collection::vec(any::<u8>(), 4096),
        create in any::<bool>(),
    ) {
        let mut loader = Loader::open(machine::boot("64K"));
        if create {
            prop_assert_eq!(loader.create(&secs(&image())), Ok(0));
        }
        // everything that the structure can point at is random too
        loader.user.put(SOURCE, &bytes);
        loader.user.put(SOURCE + 4096, &bytes);
        let _reply = loader.machine.ioctl(&mut loader.user, loader.id, command, SOURCE);
        let pointer = [SOURCE, 0, 0x1000, SOURCE + 8, 1, 0];
        let _reply = loader.ioctl(command, pointer.as_bytes());
    }
}

//! Whatever the registers: ERESUME after an asynchronous exit is as if nothing had happened.

use anyclave_arch::Vector;
use proptest::prelude::*;

use crate::aex::Event;
use crate::state::{Gprs, State, rflags};
use crate::testing::{Machine, Scene, config};
use crate::xsave::{MXCSR_DEFINED, XSTATE_BV, XsaveArea, XsaveLayout};

/// x87, SSE and AVX belong to the enclave; two more components lie outside its XFRM.
const XFRM: u64 = 7;
const IMAGE: usize = 1000;

fn layout() -> XsaveLayout {
    let mut components = vec![(0, 0); 10];
    components[2] = (576, 256);
    components[5] = (832, 64);
    components[9] = (896, 104);
    XsaveLayout::new(components)
}

prop_compose! {
    fn images()(mut bytes in prop::collection::vec(any::<u8>(), IMAGE), bv in 0_u8..8, more in 0_u8..4,
        mxcsr in prop_oneof![Just(0x1f80_u32), 0..=MXCSR_DEFINED]) -> XsaveArea {
        bytes[24..28].copy_from_slice(&mxcsr.to_le_bytes());
        bytes[512..576].fill(0);
        bytes[XSTATE_BV] = bv | (more & 1) << 5;
        bytes[XSTATE_BV + 1] = more & 2;
        XsaveArea(bytes)
    }
}

prop_compose! {
    fn states()(r in any::<[u64; 16]>(), rip in any::<u64>(), flags in any::<u64>(), bases in any::<[u64; 2]>(),
        xsave in images()) -> State {
        // sign-extended from bit 47, as every address in a register of a running thread is
        let canonical = |value: u64| {
            let low = value & 0xffff_ffff_ffff;
            if low >> 47 == 1 { low | 0xffff << 48 } else { low }
        };
        let gprs = Gprs {
            rax: r[0], rcx: r[1], rdx: r[2], rbx: r[3], rsp: r[4], rbp: r[5], rsi: r[6], rdi: r[7],
            r8: r[8], r9: r[9], r10: r[10], r11: r[11], r12: r[12], r13: r[13], r14: r[14], r15: r[15],
            rip: canonical(rip),
            rflags: flags & rflags::RESUMED | rflags::IF | 2,
        };
        State { gprs, fs_base: canonical(bases[0]), gs_base: canonical(bases[1]), xsave }
    }
}

/// What the thread can tell of its extended state: legacy registers, MXCSR and AVX, the initial ones filled in.
fn registers_of(image: &XsaveArea) -> Vec<u8> {
    let bv = image.xstate_bv();
    let part = |bit: u64, range: core::ops::Range<usize>| {
        if bv & bit == 0 { vec![0; range.len()] } else { image.0[range].to_vec() }
    };
    let x87 = if bv & 1 == 0 { [&[0x7f, 3][..], &[0; 22]].concat() } else { image.0[..24].to_vec() };
    [x87, part(1, 32..160), image.0[24..28].to_vec(), part(2, 160..416), part(4, 576..832)].concat()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn eresume_undoes_an_exit(inside in states(), later in images(), fault in any::<bool>()) {
        let config = crate::Config { xsave: layout(), xcr0: 0x227, ..config() };
        let mut scene = Scene::with(Machine::with(config), &Default::default());
        scene.enter();
        scene.state = inside.clone();
        let vector = fault.then_some(Vector::Ud);
        scene.aex(Event { vector, ..Event::default() });

        // outside: the enclave's components are initial, the others as they were
        prop_assert_eq!(&scene.state.xsave.0[832..], &inside.xsave.0[832..]);
        prop_assert_eq!(scene.state.xsave.xstate_bv() & !XFRM, inside.xsave.xstate_bv() & !XFRM);

        // the program uses its registers before it resumes
        scene.state.xsave = later.clone();
        scene.resume();
        let mut gprs = inside.gprs;
        if fault {
            gprs.rflags |= rflags::RF;
        }
        prop_assert_eq!(scene.state.gprs, gprs);
        prop_assert_eq!((scene.state.fs_base, scene.state.gs_base), (inside.fs_base, inside.gs_base));
        prop_assert_eq!(registers_of(&scene.state.xsave), registers_of(&inside.xsave));
        prop_assert_eq!(&scene.state.xsave.0[832..], &later.0[832..]);
        prop_assert_eq!(scene.state.xsave.xstate_bv() & !XFRM, later.xstate_bv() & !XFRM);
    }
}

use std::collections::HashSet;

use anyclave_arch::{Encls as Leaf, SecInfo, SecInfoFlags};
use anyclave_cpu::Bare;
use anyclave_testkit::encls::Failing;
use anyclave_testkit::entropy::Seeded;
use anyclave_testkit::machine::{self, PlainMachine};
use anyclave_testkit::memory::PlainFrames;
use proptest::prelude::*;

use super::*;
use crate::page::{Refused, Va};

fn bare(machine: &mut PlainMachine) -> Bare<'_, PlainFrames, Seeded> {
    let parts = machine.parts();
    Bare::new(parts.package, parts.kernel)
}

fn take(epc: &mut Epc, encls: &mut impl Encls) -> Result<EpcPage<Free>, OutOfEpc> {
    epc.allocate(encls).done().expect("nothing to wait for")
}

fn assert_balance(epc: &Epc) {
    let Counters { total, free, owned, deferred, lost } = epc.counters();
    assert_eq!(free + owned + deferred + lost, total);
}

#[test]
fn sections_are_used_from_the_lowest_on_and_then_the_epc_is_out() {
    let mut machine = machine::boot("8K,4K");
    let mut encls = bare(&mut machine);
    let mut epc = Epc::new(encls.sections());
    let addresses = [(); 3].map(|()| take(&mut epc, &mut encls).unwrap().address().0);
    assert_eq!(addresses, [0x80_0000_0000, 0x80_0000_1000, 0x80_4000_0000]);
    assert_eq!(take(&mut epc, &mut encls).err(), Some(OutOfEpc));
    assert_eq!(epc.counters(), Counters { total: 3, owned: 3, ..Counters::default() });
}

#[test]
fn the_page_freed_last_comes_back_first() {
    let mut machine = machine::boot("64K");
    let mut encls = bare(&mut machine);
    let mut epc = Epc::new(encls.sections());
    let first = take(&mut epc, &mut encls).unwrap();
    let second = take(&mut epc, &mut encls).unwrap();
    let address = first.address();
    epc.free(second);
    epc.free(first);
    assert_eq!(take(&mut epc, &mut encls).unwrap().address(), address);
}

#[test]
fn a_page_becomes_free_by_eremove_alone() {
    let mut machine = machine::boot("64K");
    let mut encls = bare(&mut machine);
    let mut epc = Epc::new(encls.sections());
    let page = take(&mut epc, &mut encls).unwrap();
    let va = page.epa(&mut encls).unwrap();
    assert!(epc.reclaim(&mut encls, va));
    // EPA fails on a page in use, so this shows that EREMOVE was executed.
    assert!(take(&mut epc, &mut encls).unwrap().epa(&mut encls).is_ok());
}

#[test]
fn a_refused_leaf_gives_the_page_back_unchanged() {
    let mut machine = machine::boot("64K");
    let mut encls = bare(&mut machine);
    let mut epc = Epc::new(encls.sections());
    let page = take(&mut epc, &mut encls).unwrap();
    let address = page.address();
    let secinfo = SecInfo::new(anyclave_arch::PageType::Secs, SecInfoFlags::empty());
    // XFRM is zero, which ECREATE refuses
    let Refused { page, error } = page.ecreate(&mut encls, &[0; 4096], &secinfo).unwrap_err();
    assert_eq!(error.code(), None);
    assert_eq!(page.address(), address);
    epc.free(page);
    assert_eq!(epc.counters().owned, 0);
}

#[test]
fn leftovers_of_another_boot_are_cleared_before_use() {
    let mut machine = machine::boot("64K");
    let mut encls = bare(&mut machine);
    let mut before = Epc::new(encls.sections());
    let _left_behind: EpcPage<Va> = take(&mut before, &mut encls).unwrap().epa(&mut encls).unwrap();
    let mut epc = Epc::new(encls.sections());
    assert!(take(&mut epc, &mut encls).unwrap().epa(&mut encls).is_ok());
}

#[test]
fn a_page_that_eremove_refuses_gets_a_second_try_and_is_then_lost() {
    let mut machine = machine::boot("12K");
    let base = EpcAddr(0x80_0000_0000);
    let mut encls =
        Failing::new(bare(&mut machine)).eremove_of(base, 1).eremove_of(EpcAddr(base.0 + 4096), 2);
    let mut epc = Epc::new(encls.sections());
    assert_eq!(take(&mut epc, &mut encls).unwrap().address().0, base.0 + 8192);
    assert_eq!(epc.counters(), Counters { total: 3, free: 0, owned: 1, deferred: 2, lost: 0 });
    assert_eq!(take(&mut epc, &mut encls).unwrap().address(), base);
    assert_eq!(epc.counters(), Counters { total: 3, free: 0, owned: 2, deferred: 0, lost: 1 });
    assert_eq!(take(&mut epc, &mut encls).err(), Some(OutOfEpc));
}

#[test]
fn a_page_that_cannot_be_reclaimed_is_lost() {
    let mut machine = machine::boot("64K");
    let mut encls = Failing::new(bare(&mut machine)).leaf(Leaf::Eremove, 1);
    let mut epc = Epc::new(encls.sections());
    let va = take(&mut epc, &mut encls).unwrap().epa(&mut encls).unwrap();
    assert!(!epc.reclaim(&mut encls, va));
    assert_eq!(epc.counters(), Counters { total: 16, free: 15, owned: 0, deferred: 0, lost: 1 });
}

#[test]
fn a_terabyte_costs_nothing_until_it_is_used() {
    let mut machine = machine::boot("1T");
    let mut encls = bare(&mut machine);
    let mut epc = Epc::new(encls.sections());
    assert_eq!(epc.counters().free, 1 << 28);
    assert!(take(&mut epc, &mut encls).is_ok());
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Allocate,
    Free(prop::sample::Index),
    UseAndReclaim(prop::sample::Index),
    Lose(prop::sample::Index),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let index = any::<prop::sample::Index>;
    let step = prop_oneof![
        4 => Just(Step::Allocate),
        2 => index().prop_map(Step::Free),
        2 => index().prop_map(Step::UseAndReclaim),
        1 => index().prop_map(Step::Lose),
    ];
    prop::collection::vec(step, 0..80)
}

proptest! {
    #[test]
    fn every_page_is_counted_once_whatever_happens(
        steps in steps(),
        failing in prop::collection::vec((0_u64..12, 1_u32..4), 0..4),
    ) {
        let mut machine = machine::boot("32K,16K");
        let mut encls = Failing::new(bare(&mut machine));
        for (page, times) in failing {
            let base = if page < 8 { 0x80_0000_0000 } else { 0x80_4000_0000 - 8 * 4096 };
            encls = encls.eremove_of(EpcAddr(base + page * 4096), times);
        }
        let mut epc = Epc::new(encls.sections());
        let mut held: Vec<EpcPage<Free>> = Vec::new();
        for step in steps {
            match step {
                Step::Allocate => {
                    let free = epc.counters().free;
                    match take(&mut epc, &mut encls) {
                        Ok(page) => held.push(page),
                        Err(OutOfEpc) => prop_assert!(free == 0 || epc.counters().lost > 0),
                    }
                }
                Step::Free(index) if !held.is_empty() => {
                    epc.free(held.swap_remove(index.index(held.len())));
                }
                Step::UseAndReclaim(index) if !held.is_empty() => {
                    let page = held.swap_remove(index.index(held.len()));
                    let page = page.epa(&mut encls).expect("a free page");
                    epc.reclaim(&mut encls, page);
                }
                Step::Lose(index) if !held.is_empty() => {
                    epc.lose(held.swap_remove(index.index(held.len())));
                }
                _ => {}
            }
            assert_balance(&epc);
            prop_assert_eq!(epc.counters().owned, u64::try_from(held.len()).unwrap());
            let addresses: HashSet<_> = held.iter().map(EpcPage::address).collect();
            prop_assert_eq!(addresses.len(), held.len());
        }
    }
}

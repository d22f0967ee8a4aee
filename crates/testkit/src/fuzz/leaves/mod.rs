//! Leaves in any order, on operands that are nearly right, with processors inside, pages that go out and come
//! back, and thieves in between.
//!
//! After each leaf the books must agree ([`books`]); a leaf that fails has changed no EPCM entry and, if it faults, no
//! register; and no page comes back into the EPC that EWB did not send away as it is ([`ledger`]).

mod books;
mod ledger;
mod steps;
mod world;

use std::collections::BTreeSet;

use super::Reader;
use world::World;

/// Steps that one input may take.
const STEPS: usize = 400;

/// Plays the steps that bytes describe.
pub fn run(bytes: &[u8]) {
    play(bytes);
}

/// The same; which leaves have done their work.
pub fn play(bytes: &[u8]) -> BTreeSet<String> {
    let mut reader = Reader::new(bytes);
    let mut world = World::new();
    for _ in 0..STEPS {
        if reader.is_empty() {
            break;
        }
        steps::step(&mut world, &mut reader);
        books::check(&mut world);
    }
    world.done
}

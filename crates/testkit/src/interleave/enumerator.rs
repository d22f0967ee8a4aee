//! Goes through every schedule of a model.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::Hash;

use super::trace::{Counterexample, Line};

/// A system of actors that take atomic steps, as a value: what one schedule changes, another does not see.
///
/// Every schedule must come to an end: a step never leads back to a state that was there before. An actor that waits
/// has no step until what it waits for has come, rather than a step that looks again.
pub trait Model: Clone {
    /// One step of one actor.
    type Step: Copy;
    /// All that decides what can happen from here on. States with the same key are explored once.
    type Key: Eq + Hash;

    /// The steps that can be taken now.
    fn steps(&self) -> Vec<Self::Step>;
    /// Takes one of them.
    fn take(&mut self, step: Self::Step);
    /// The state.
    fn key(&self) -> Self::Key;
    /// What is wrong with this state, if anything is.
    fn violation(&self) -> Option<String>;
    /// Whether it is in order that nobody has a step.
    fn finished(&self) -> bool;

    /// The actors' names, for the head of a trace.
    fn actors(&self) -> Vec<String>;
    /// A step in words and the number of its actor, told in the state before and in the one after it.
    fn tell(before: &Self, step: Self::Step, after: &Self) -> Line;
}

/// What a full exploration has seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Census {
    /// Different states.
    pub states: usize,
    /// Different schedules from the start to an end; at the largest number there is, at least so many.
    pub schedules: u128,
    /// Steps of the longest.
    pub longest: usize,
}

/// Explores every schedule. The counterexample is one of the shortest there are.
///
/// # Errors
/// A schedule that reaches a violation, or a state in which nobody can go on although something is left to do.
///
/// # Panics
/// There are more than `most` states, so that nothing is proved; or a schedule goes round in circles.
pub fn explore<M: Model>(start: &M, most: usize) -> Result<Census, Box<Counterexample>> {
    let mut census = Exploration { known: HashMap::new(), most };
    match census.count(start, 0) {
        Ok(end) => Ok(Census { states: census.known.len(), schedules: end.schedules, longest: end.longest }),
        Err(depth) => Err(shortest(start, depth)),
    }
}

/// What lies ahead of a state.
#[derive(Clone, Copy)]
struct Ahead {
    schedules: u128,
    longest: usize,
}

struct Exploration<K> {
    /// States by key; None while the state lies on the schedule at hand.
    known: HashMap<K, Option<Ahead>>,
    most: usize,
}

impl<K: Eq + Hash> Exploration<K> {
    /// Explores what lies ahead of a state; the error is the length of a schedule that fails.
    fn count<M: Model<Key = K>>(&mut self, state: &M, depth: usize) -> Result<Ahead, usize> {
        if failure(state).is_some() {
            return Err(depth);
        }
        match self.known.entry(state.key()) {
            Entry::Occupied(known) => {
                return Ok(known.get().expect("a schedule never leads back to a state"));
            }
            Entry::Vacant(unknown) => _ = unknown.insert(None),
        }
        assert!(self.known.len() <= self.most, "more than {} states", self.most);
        let steps = state.steps();
        let end = u128::from(steps.is_empty());
        let mut ahead = Ahead { schedules: end, longest: 0 };
        for step in steps {
            let mut next = state.clone();
            next.take(step);
            let beyond = self.count(&next, depth + 1)?;
            ahead.schedules = ahead.schedules.saturating_add(beyond.schedules);
            ahead.longest = ahead.longest.max(beyond.longest + 1);
        }
        self.known.insert(state.key(), Some(ahead));
        Ok(ahead)
    }
}

/// Why a state must not be.
fn failure<M: Model>(state: &M) -> Option<String> {
    let stuck = || {
        (state.steps().is_empty() && !state.finished())
            .then(|| "nobody can go on, and something is left to do".to_owned())
    };
    state.violation().or_else(stuck)
}

/// Deepens the search step by step, so that the first counterexample is a shortest one. There is one of `most` steps.
fn shortest<M: Model>(start: &M, most: usize) -> Box<Counterexample> {
    for depth in 0..=most {
        let mut steps = Vec::new();
        if reaches(start, depth, &mut HashMap::new(), &mut steps) {
            return Box::new(replay(start, &steps));
        }
    }
    unreachable!("the exploration has failed after {most} steps")
}

/// Whether a failure can be reached within `depth` steps; `path` becomes the way. `known` has, for each state, the
/// steps with which it was searched in vain.
fn reaches<M: Model>(
    state: &M,
    depth: usize,
    known: &mut HashMap<M::Key, usize>,
    path: &mut Vec<M::Step>,
) -> bool {
    if failure(state).is_some() {
        return true;
    }
    if depth == 0 {
        return false;
    }
    match known.entry(state.key()) {
        Entry::Occupied(searched) if *searched.get() >= depth => return false,
        Entry::Occupied(mut searched) => _ = searched.insert(depth),
        Entry::Vacant(unknown) => _ = unknown.insert(depth),
    }
    for step in state.steps() {
        let mut next = state.clone();
        next.take(step);
        path.push(step);
        if reaches(&next, depth - 1, known, path) {
            return true;
        }
        path.pop();
    }
    false
}

fn replay<M: Model>(start: &M, steps: &[M::Step]) -> Counterexample {
    let mut state = start.clone();
    let mut lines = Vec::new();
    for step in steps {
        let before = state.clone();
        state.take(*step);
        lines.push(M::tell(&before, *step, &state));
    }
    let violation = failure(&state).unwrap_or_default();
    Counterexample { actors: start.actors(), lines, violation }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Actors that each add one to a shared counter, some number of times, by reading and then writing it.
    #[derive(Clone)]
    struct Adders {
        sum: u8,
        wanted: u8,
        atomic: bool,
        /// Additions left, and the value that was read.
        each: Vec<(u8, Option<u8>)>,
    }

    fn adders(actors: usize, additions: u8, atomic: bool) -> Adders {
        let wanted = u8::try_from(actors).unwrap() * additions;
        Adders { sum: 0, wanted, atomic, each: vec![(additions, None); actors] }
    }

    impl Model for Adders {
        type Step = usize;
        type Key = (u8, Vec<(u8, Option<u8>)>);

        fn steps(&self) -> Vec<usize> {
            (0..self.each.len()).filter(|actor| self.each[*actor].0 > 0).collect()
        }

        fn take(&mut self, actor: usize) {
            let (left, read) = &mut self.each[actor];
            match read.take() {
                None if !self.atomic => *read = Some(self.sum),
                value => {
                    self.sum = value.unwrap_or(self.sum) + 1;
                    *left -= 1;
                }
            }
        }

        fn key(&self) -> Self::Key {
            (self.sum, self.each.clone())
        }

        fn violation(&self) -> Option<String> {
            let done = self.each.iter().all(|(left, _)| *left == 0);
            (done && self.sum != self.wanted).then(|| format!("the sum is {}", self.sum))
        }

        fn finished(&self) -> bool {
            true
        }

        fn actors(&self) -> Vec<String> {
            (0..self.each.len()).map(|actor| format!("adder {actor}")).collect()
        }

        fn tell(before: &Self, actor: usize, after: &Self) -> Line {
            let left = |model: &Self| model.each[actor].0;
            let reads = left(before) == left(after);
            Line::new(actor, if reads { "reads".to_owned() } else { format!("writes {}", after.sum) })
        }
    }

    #[test]
    fn every_schedule_is_counted_once() {
        // two actors of three steps: 6 over 3; three of two: 6! / 2!^3
        let census = explore(&adders(2, 3, true), 1000).unwrap();
        assert_eq!(census, Census { states: 16, schedules: 20, longest: 6 });
        assert_eq!(explore(&adders(3, 2, true), 1000).unwrap().schedules, 90);
    }

    #[test]
    fn a_counterexample_is_as_short_as_can_be_and_readable() {
        let found = explore(&adders(2, 1, false), 1000).unwrap_err();
        assert_eq!(found.violation, "the sum is 1");
        assert_eq!(found.lines.len(), 4);
        assert_eq!(
            found.to_string(),
            "      adder 0   adder 1\n   1  reads\n   2            reads\n   3  writes 1\n   4            \
             writes 1\n      => the sum is 1\n"
        );
    }

    #[test]
    #[should_panic(expected = "more than 15 states")]
    fn a_bound_that_is_too_small_proves_nothing() {
        _ = explore(&adders(2, 3, true), 15);
    }
}

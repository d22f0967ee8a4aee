//! The seccomp filters that a program has put on itself.
//!
//! Each goes on behind a few instructions of ours ([`crate::filter::own::before`]), so that what we do in the
//! program's name still reaches the tracer and not the program's filter. What comes that way and is not ours is
//! decided here, by the filters as the program wrote them.

use std::sync::{Arc, Mutex};

use anyclave_sys::bpf::{Action, Foreign, SeccompData};

use super::lock;

/// The filters of a process. A thread may have fewer; then this forbids too much, in the rare cases in which it is
/// asked at all.
#[derive(Debug, Default)]
pub(crate) struct OwnFilters(Mutex<Vec<Arc<Foreign>>>);

impl OwnFilters {
    /// Whether there are any.
    pub(crate) fn any(&self) -> bool {
        !lock(&self.0).is_empty()
    }

    /// The program has installed one more.
    pub(crate) fn add(&self, filter: Foreign) {
        lock(&self.0).push(Arc::new(filter));
    }

    /// Takes over those of the process that this one comes from.
    pub(crate) fn inherit(&self, from: &Self) {
        let inherited = lock(&from.0).clone();
        *lock(&self.0) = inherited;
    }

    /// Whether a filter would stop a thread for a tracer, of which the program has none: Linux answers ENOSYS.
    pub(crate) fn wants_tracer(&self, call: &SeccompData) -> bool {
        matches!(self.decide(call), Action::Trace(_))
    }

    /// What they decide together: the most severe decision, of the latest filter that makes it.
    pub(crate) fn decide(&self, call: &SeccompData) -> Action {
        let filters = lock(&self.0).clone();
        let mut decided = Action::Allow;
        for filter in filters.iter().rev() {
            let action = filter.run(call);
            if action.severity() > decided.severity() {
                decided = action;
            }
        }
        decided
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyclave_sys::bpf::{Builder, Field, Test};

    fn filter(number: u32, action: Action) -> Foreign {
        let mut builder = Builder::new();
        builder.load(Field::Nr).ret_if(Test::Eq(number), action).ret(Action::Allow);
        Foreign::from(&builder.build().unwrap())
    }

    #[test]
    fn the_most_severe_decision_of_the_latest_filter_counts() {
        let filters = OwnFilters::default();
        let call = SeccompData { nr: 7, ..SeccompData::default() };
        assert_eq!(filters.decide(&call), Action::Allow);
        for action in [Action::Errno(1), Action::Trace(1), Action::Errno(2), Action::Log] {
            filters.add(filter(7, action));
        }
        assert_eq!(filters.decide(&call), Action::Errno(2));
        assert_eq!(filters.decide(&SeccompData::default()), Action::Allow);
        let child = OwnFilters::default();
        child.inherit(&filters);
        child.add(filter(7, Action::KillThread));
        assert_eq!(child.decide(&call), Action::KillThread);
        assert_eq!(filters.decide(&call), Action::Errno(2));
    }
}

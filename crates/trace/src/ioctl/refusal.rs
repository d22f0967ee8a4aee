//! A refused call: which check failed, on what, and what it saw.

use std::fmt;

use super::{Answer, IoctlCause};
use crate::refusal::Refusal;

/// One failing check of the driver, as it happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IoctlRefusal {
    /// The check.
    pub cause: IoctlCause,
    /// What it looked at: an address, an offset, a number, whatever the cause names.
    pub operand: u64,
    /// What the check wanted, where one number says it.
    pub expected: Option<u64>,
    /// What it found, where one number says it.
    pub found: Option<u64>,
    /// The refusal of the processor that the driver passes on.
    pub leaf: Option<Refusal>,
}

impl IoctlRefusal {
    /// A refusal of `operand`.
    #[must_use]
    pub fn new(cause: impl Into<IoctlCause>, operand: u64) -> Self {
        Self { cause: cause.into(), operand, expected: None, found: None, leaf: None }
    }

    /// The same, with what the check wanted.
    #[must_use]
    pub fn expected(self, value: impl Into<u64>) -> Self {
        Self { expected: Some(value.into()), ..self }
    }

    /// The same, with what the check found.
    #[must_use]
    pub fn found(self, value: impl Into<u64>) -> Self {
        Self { found: Some(value.into()), ..self }
    }

    /// The same, with the processor's own words.
    #[must_use]
    pub fn leaf(self, leaf: Option<Refusal>) -> Self {
        Self { leaf, ..self }
    }

    /// What the caller gets.
    #[must_use]
    pub const fn answer(&self) -> Answer {
        self.cause.answer()
    }
}

/// One line: call, errno, cause, operand, expected and found; what the processor said follows in brackets.
impl fmt::Display for IoctlRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { cause, operand, expected, found, leaf } = self;
        write!(
            f,
            "{}: {} {}: {}; operand {operand:#x}",
            cause.call(),
            cause.answer(),
            cause.name(),
            cause.text()
        )?;
        if let Some(expected) = expected {
            write!(f, ", expected {expected:#x}")?;
        }
        if let Some(found) = found {
            write!(f, ", found {found:#x}")?;
        }
        if let Some(leaf) = leaf {
            write!(f, " [{leaf}]")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::ioctl::{AddPagesCause, Answer, Call, IoctlCause, IoctlRefusal};

    #[test]
    fn a_refusal_reads_as_one_line() {
        let refusal = IoctlRefusal::new(AddPagesCause::RangeOutside, 0x3000).expected(0x2000_u64);
        assert_eq!(
            refusal.to_string(),
            "ADD_PAGES: EINVAL RangeOutside: the range does not lie in the enclave; operand 0x3000, expected 0x2000"
        );
    }

    #[test]
    fn names_are_unique_within_a_call() {
        for call in Call::ALL {
            let mut names: Vec<_> =
                IoctlCause::all().filter(|cause| cause.call() == call).map(IoctlCause::name).collect();
            let all = names.len();
            names.sort_unstable();
            names.dedup();
            assert_eq!(names.len(), all, "{call}");
            assert!(all > 0);
        }
    }

    #[test]
    fn a_signal_restarts() {
        assert_eq!(IoctlCause::from(AddPagesCause::SignalPending).answer(), Answer::Restart);
        assert_eq!(Answer::Restart.to_string(), "ERESTARTSYS");
    }
}

//! A refused leaf: which check failed, on which operand, and what it saw.

use std::fmt;

use crate::cause::{Cause, Outcome};

/// One failing check, as it happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The check.
    pub cause: Cause,
    /// The operand it looked at: the linear address for faults, otherwise the value named by the cause.
    pub operand: u64,
    /// What the check wanted, where one number says it.
    pub expected: Option<u64>,
    /// What it found, where one number says it.
    pub found: Option<u64>,
}

impl Refusal {
    /// A refusal of `operand`.
    #[must_use]
    pub fn new(cause: impl Into<Cause>, operand: u64) -> Self {
        Self { cause: cause.into(), operand, expected: None, found: None }
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

    /// What the processor makes of it.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        self.cause.outcome()
    }
}

/// One line: leaf, outcome, cause, operand, expected and found.
impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { cause, operand, expected, found } = self;
        write!(
            f,
            "{}: {} {}: {}; operand {operand:#x}",
            cause.leaf(),
            cause.outcome(),
            cause.name(),
            cause.text()
        )?;
        if let Some(expected) = expected {
            write!(f, ", expected {expected:#x}")?;
        }
        if let Some(found) = found {
            write!(f, ", found {found:#x}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cause::EcreateCause;

    #[test]
    fn a_refusal_is_one_line() {
        let refusal = Refusal::new(EcreateCause::SizeTooSmall, 0x1000).expected(0x2000_u64);
        assert_eq!(
            refusal.to_string(),
            "ENCLS[ECREATE]: #GP(0) SizeTooSmall: SIZE is below two pages; operand 0x1000, expected 0x2000"
        );
        assert!(refusal.found(1_u64).to_string().ends_with(", found 0x1"));
    }
}

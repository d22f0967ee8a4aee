//! The Linux error numbers that the SGX driver answers with.

use std::fmt;

/// An error number. Discriminants are Linux's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(i32)]
#[expect(missing_docs, reason = "the names are Linux's")]
pub enum Errno {
    Eperm = 1,
    Eio = 5,
    Enomem = 12,
    Eacces = 13,
    Efault = 14,
    Ebusy = 16,
    Enodev = 19,
    Einval = 22,
    Enotty = 25,
}

impl Errno {
    /// Every number, ascending.
    pub const ALL: [Self; 9] = [
        Self::Eperm,
        Self::Eio,
        Self::Enomem,
        Self::Eacces,
        Self::Efault,
        Self::Ebusy,
        Self::Enodev,
        Self::Einval,
        Self::Enotty,
    ];

    /// Linux's number, positive.
    #[must_use]
    pub const fn number(self) -> i32 {
        self as i32
    }

    /// Linux's name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Eperm => "EPERM",
            Self::Eio => "EIO",
            Self::Enomem => "ENOMEM",
            Self::Eacces => "EACCES",
            Self::Efault => "EFAULT",
            Self::Ebusy => "EBUSY",
            Self::Enodev => "ENODEV",
            Self::Einval => "EINVAL",
            Self::Enotty => "ENOTTY",
        }
    }
}

impl fmt::Display for Errno {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_linux_ones() {
        let expected = [1, 5, 12, 13, 14, 16, 19, 22, 25];
        assert_eq!(Errno::ALL.map(Errno::number), expected);
        assert_eq!(Errno::Enotty.to_string(), "ENOTTY");
    }
}

//! Exception vectors.

/// An exception, by its vector.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
#[expect(missing_docs, reason = "the names are the manual's mnemonics")]
pub enum Vector {
    De = 0,
    Db = 1,
    Bp = 3,
    Of = 4,
    Br = 5,
    Ud = 6,
    Nm = 7,
    Df = 8,
    Ts = 10,
    Np = 11,
    Ss = 12,
    Gp = 13,
    Pf = 14,
    Mf = 16,
    Ac = 17,
    Mc = 18,
    Xm = 19,
    Ve = 20,
    Cp = 21,
}

impl Vector {
    /// The vector's number.
    #[must_use]
    pub const fn number(self) -> u8 {
        self as u8
    }
}

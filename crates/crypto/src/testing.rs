//! What the tests of this crate share.

/// Bytes written as hexadecimal digits, blanks ignored.
pub(crate) fn hex<const N: usize>(text: &str) -> [u8; N] {
    let mut digits = text.chars().filter(|c| !c.is_whitespace());
    let mut nibble = || digits.next().and_then(|c| c.to_digit(16)).expect("hexadecimal digit");
    core::array::from_fn(|_| u8::try_from(nibble() << 4 | nibble()).expect("two nibbles"))
}

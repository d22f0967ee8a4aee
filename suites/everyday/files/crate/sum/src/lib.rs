//! A crate that depends on nothing.

#![forbid(unsafe_code)]

/// The sum of numbers.
///
/// ```
/// assert_eq!(sum::sum(&[1, 2, 3]), 6);
/// ```
pub fn sum(numbers: &[u64]) -> u64 {
    numbers.iter().sum()
}

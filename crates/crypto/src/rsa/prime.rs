//! Primes for a key, derived from a seed so that the same seed always gives the same key.

use crypto_bigint::{CheckedAdd, U1536};
use crypto_primes::{Flavor, is_prime};

use crate::sha256_parts;

/// Bytes of one prime.
const PRIME_BYTES: usize = 192;

/// Candidates examined above one starting point. A prime is expected among the first 200, so a
/// second starting point is all but unheard of.
const CANDIDATES: u32 = 1 << 16;

/// Candidates differ by this much, which keeps them odd and 2 modulo 3.
const STEP: u32 = 6;

/// Odd primes from 5 on that sieve the candidates before the costly test.
const SIEVE: [u32; 300] = sieve();

/// A prime of 1536 bits, the two highest of them set, that leaves 2 when divided by 3 (so that 3 is
/// a legal public exponent): the first one at or above a number made of
/// `SHA-256(seed ‖ label ‖ attempt ‖ index)`, `index` 0 to 5, least significant byte first.
pub(super) fn derive(seed: &[u8; 32], label: u8) -> U1536 {
    let mut attempt = 0;
    loop {
        if let Some(prime) = first_prime_from(&starting_point(seed, label, attempt)) {
            return prime;
        }
        attempt = u8::wrapping_add(attempt, 1);
    }
}

fn starting_point(seed: &[u8; 32], label: u8, attempt: u8) -> U1536 {
    let mut bytes = [0; PRIME_BYTES];
    for (chunk, index) in bytes.chunks_exact_mut(32).zip(0_u8..) {
        chunk.copy_from_slice(&sha256_parts(&[seed, &[label, attempt, index]]));
    }
    // Both high bits set make the product of two primes 3072 bits long; the low bits make room for
    // the step to the next number that is 5 modulo 6.
    bytes[PRIME_BYTES - 1] |= 0xc0;
    bytes[0] &= 0xf0;
    let number = U1536::from_le_slice(&bytes);
    number.wrapping_add(&U1536::from_u32(STEP - 1 - remainder(&number, STEP)))
}

fn first_prime_from(start: &U1536) -> Option<U1536> {
    let residues = SIEVE.map(|prime| remainder(start, prime));
    (0..CANDIDATES)
        .map(|index| index * STEP)
        .filter(|offset| residues.iter().zip(SIEVE).all(|(residue, prime)| (residue + offset) % prime != 0))
        .filter_map(|offset| Option::from(start.checked_add(&U1536::from_u32(offset))))
        .find(|candidate| is_prime(Flavor::Any, candidate))
}

/// `number` modulo `divisor`, which is below 2^24.
fn remainder(number: &U1536, divisor: u32) -> u32 {
    let bytes = number.to_be_bytes();
    bytes.as_slice().iter().fold(0, |high, byte| ((high << 8) | u32::from(*byte)) % divisor)
}

const fn sieve() -> [u32; 300] {
    let mut primes = [0; 300];
    let (mut count, mut number) = (0, 5);
    while count < primes.len() {
        let mut divisor = 2;
        while divisor * divisor <= number && number % divisor != 0 {
            divisor += 1;
        }
        if divisor * divisor > number {
            primes[count] = number;
            count += 1;
        }
        number += 2;
    }
    primes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sieve_holds_the_primes_from_5_on() {
        assert_eq!(SIEVE[..8], [5, 7, 11, 13, 17, 19, 23, 29]);
        // The 302nd prime: 2 and 3 are left out.
        assert_eq!(SIEVE[299], 1997);
    }

    #[test]
    fn remainders_are_those_of_the_integer() {
        assert_eq!(remainder(&U1536::from_u64(1_000_000_007), 1997), 1_000_000_007 % 1997);
        // 2^1536 - 1 is 0 modulo 3 (an even power) and modulo 5 (1536 is a multiple of 4).
        assert_eq!(remainder(&U1536::MAX, 3), 0);
        assert_eq!(remainder(&U1536::MAX, 5), 0);
    }

    #[test]
    fn starting_points_are_long_and_5_modulo_6() {
        for attempt in 0..=u8::MAX {
            let start = starting_point(&[attempt; 32], b'p', attempt);
            assert_eq!(remainder(&start, 6), 5);
            assert_eq!(start.to_be_bytes().as_slice()[0] & 0xc0, 0xc0);
        }
    }

    #[test]
    fn finds_the_first_prime_of_the_progression() {
        // 10^9 + 1 is 5 modulo 6; the candidates are 10^9 + 1, + 7 (prime).
        let found = first_prime_from(&U1536::from_u64(1_000_000_001));
        assert_eq!(found, Some(U1536::from_u64(1_000_000_007)));
    }
}

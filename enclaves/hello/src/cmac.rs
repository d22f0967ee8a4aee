//! AES-128-CMAC in a page of code, with which the enclave checks a REPORT. Compiled into the enclave, and here
//! for its test.

/// AES-128-CMAC (RFC 4493) of a message of whole blocks, at least one.
pub(crate) fn cmac(key: &[u8; 16], message: &[u8]) -> [u8; 16] {
    let keys = schedule(key);
    let mut subkey = [0; 16];
    encrypt(&keys, &mut subkey);
    let carry = subkey[0] >> 7;
    for i in 0..16 {
        let next = if i < 15 { subkey[i + 1] >> 7 } else { 0 };
        subkey[i] = subkey[i] << 1 | next;
    }
    subkey[15] ^= carry * 0x87;

    let mut mac = [0; 16];
    let (blocks, _) = message.as_chunks::<16>();
    for (number, block) in blocks.iter().enumerate() {
        for i in 0..16 {
            mac[i] ^= block[i];
            if number + 1 == blocks.len() {
                mac[i] ^= subkey[i];
            }
        }
        encrypt(&keys, &mut mac);
    }
    mac
}

/// The S-box of AES: inverse in GF(2⁸), then an affine map. Table look-ups tell a neighbour on the same
/// processor about the key; an enclave in earnest uses AES-NI.
static SBOX: [u8; 256] = {
    let mut table = [0x63; 256];
    // p runs through all non-zero elements by powers of 3, q through their inverses.
    let (mut p, mut q) = (1_u8, 1_u8);
    loop {
        p ^= double(p);
        q ^= q << 1;
        q ^= q << 2;
        q ^= q << 4;
        if q & 0x80 != 0 {
            q ^= 0x09;
        }
        let x = q ^ q.rotate_left(1) ^ q.rotate_left(2) ^ q.rotate_left(3) ^ q.rotate_left(4);
        table[p as usize] = x ^ 0x63;
        if p == 1 {
            break table;
        }
    }
};

/// A product with 2 in GF(2⁸).
const fn double(x: u8) -> u8 {
    (x << 1) ^ ((x >> 7) * 0x1b)
}

/// The eleven round keys.
fn schedule(key: &[u8; 16]) -> [[u8; 16]; 11] {
    let mut keys = [*key; 11];
    let mut constant = 1;
    for round in 1..11 {
        let last = keys[round - 1];
        let key = &mut keys[round];
        for i in 0..16 {
            // The first word mixes in the last one of the key before, turned and substituted.
            let mixed = if i < 4 { SBOX[usize::from(last[12 + (i + 1) % 4])] } else { key[i - 4] };
            key[i] = last[i] ^ mixed;
        }
        key[0] ^= constant;
        // The words behind the first depend on it, so its constant runs through them.
        for i in (4..16).step_by(4) {
            key[i] ^= constant;
        }
        constant = double(constant);
    }
    keys
}

/// AES-128 of one block.
fn encrypt(keys: &[[u8; 16]; 11], block: &mut [u8; 16]) {
    for i in 0..16 {
        block[i] ^= keys[0][i];
    }
    for (round, key) in keys.iter().enumerate().skip(1) {
        // SubBytes and ShiftRows.
        let mut state = [0; 16];
        for i in 0..16 {
            state[i] = SBOX[usize::from(block[(i + i % 4 * 4) % 16])];
        }
        // MixColumns, but not in the last round.
        *block = state;
        if round < 10 {
            for i in 0..16 {
                let column = i & !3;
                let [a, b, c, d] = [0, 1, 2, 3].map(|k| state[column + (i + k) % 4]);
                block[i] = double(a) ^ double(b) ^ b ^ c ^ d;
            }
        }
        for i in 0..16 {
            block[i] ^= key[i];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex<const N: usize>(text: &str) -> [u8; N] {
        core::array::from_fn(|i| u8::from_str_radix(&text[2 * i..2 * i + 2], 16).unwrap())
    }

    /// The key of RFC 4493, section 4.
    const KEY: &str = "2b7e151628aed2a6abf7158809cf4f3c";

    #[test]
    fn messages_of_rfc_4493() {
        let message: [u8; 64] = hex(concat!(
            "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51",
            "30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710"
        ));
        assert_eq!(cmac(&hex(KEY), &message[..16]), hex("070a16b46b4d4144f79bdd9dd04a287c"));
        assert_eq!(cmac(&hex(KEY), &message), hex("51f0bebf7e3b9d92fc49741779363cfe"));
    }

    #[test]
    fn a_block_of_fips_197() {
        let mut block = hex("00112233445566778899aabbccddeeff");
        encrypt(&schedule(&hex("000102030405060708090a0b0c0d0e0f")), &mut block);
        assert_eq!(block, hex("69c4e0d86a7b0430d8cdb78070b4c55a"));
    }
}

//! Signs enclaves in many ways at once: for tests of what depends on the fields of a SIGSTRUCT.
//!
//! `signatures FOLDER < LIST` writes the file FOLDER/NAME.sig for each line of LIST, which reads
//! `NAME STREAM KEY [FIELD=NUMBER]...`: STREAM is a `.sgxs` file in FOLDER, KEY any word that stands for a key, and
//! FIELD one of those below. Numbers are decimal, or hexadecimal behind `0x`. Empty lines and those that begin
//! with `#` say nothing.

use std::collections::HashMap;
use std::error::Error;
use std::path::Path;

use anyclave_arch::MiscSelect;
use anyclave_crypto::sha256;
use anyclave_sign::{PrivateKey, SignOptions, measure_stream};
use zerocopy::IntoBytes;

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args().nth(1).ok_or("which folder?")?;
    let mut keys = HashMap::new();
    for line in std::io::read_to_string(std::io::stdin())?.lines() {
        if !line.is_empty() && !line.starts_with('#') {
            write(Path::new(&folder), &mut keys, line).map_err(|error| format!("{line}: {error}"))?;
        }
    }
    Ok(())
}

/// Does what one line says. Finding the primes of a key takes a while, so that keys are kept.
fn write(folder: &Path, keys: &mut HashMap<String, PrivateKey>, line: &str) -> Result<(), Box<dyn Error>> {
    let mut words = line.split_whitespace();
    let mut word = |what: &'static str| words.next().ok_or(what);
    let (name, stream, key) = (word("no name")?, word("no stream")?, word("no key")?);
    let mut options = SignOptions::default();
    for field in words {
        let (field, value) = field.split_once('=').ok_or("neither field nor number")?;
        set(&mut options, field, number(value)?)?;
    }
    let mrenclave = measure_stream(&std::fs::read(folder.join(stream))?)?;
    let key = keys.entry(key.to_owned()).or_insert_with(|| PrivateKey::from_seed(&sha256(key.as_bytes())));
    std::fs::write(folder.join(format!("{name}.sig")), options.sign(&mrenclave, key).as_bytes())?;
    Ok(())
}

fn number(text: &str) -> Result<u64, std::num::ParseIntError> {
    match text.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16),
        None => text.parse(),
    }
}

/// Sets one field. Of the identities of 16 bytes it sets the first eight.
fn set(options: &mut SignOptions, field: &str, value: u64) -> Result<(), Box<dyn Error>> {
    let identity = u128::from(value).to_le_bytes();
    match field {
        "attributes" => options.attributes.flags = value.into(),
        "xfrm" => options.attributes.xfrm = value.into(),
        "miscselect" => options.miscselect = MiscSelect::from_bits_retain(value.try_into()?),
        "isvprodid" => options.isvprodid = value.try_into()?,
        "isvsvn" => options.isvsvn = value.try_into()?,
        "isvfamilyid" => options.isvfamilyid = identity,
        "isvextprodid" => options.isvextprodid = identity,
        _ => return Err("no such field".into()),
    }
    Ok(())
}

//! What people and files write: enclave images, settings, views of the host, conformance scripts.

use std::str::FromStr;

use anyclave_platform::views::cpuinfo::cpuinfo;
use anyclave_platform::views::mounts::{Table, is_mounted};
use anyclave_platform::{Cpu, CpuidModel, EpcLayout, parse_inject, parse_launch_control, parse_size};
use anyclave_sign::{Image, Records, measure_stream};

use crate::conformance::parse;
use crate::machine;

/// An enclave in the form `.sgxs`: what is read measures as the stream does, and is no longer than it.
pub fn sgxs(bytes: &[u8]) {
    assert!(Records::new(bytes).count() <= bytes.len().div_ceil(64));
    let measured = measure_stream(bytes);
    if let Ok(image) = Image::parse(bytes) {
        assert_eq!(measured, Ok(image.mrenclave()));
    }
}

/// Sizes, EPC sections, processors, launch control, rare events: what is understood can be written and is then understood alike.
pub fn settings(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else { return };
    if let Ok(size) = parse_size(text) {
        assert!(size.is_multiple_of(4096), "{text:?} is {size}");
    }
    let _ = (parse_inject(text), parse_launch_control(text));
    again::<EpcLayout>(text);
    again::<Cpu>(text);
}

fn again<T: FromStr + ToString>(text: &str) {
    let Ok(value) = text.parse::<T>() else { return };
    let written = value.to_string();
    let Ok(read) = written.parse::<T>() else { panic!("{text:?} became {written:?}, which nobody reads") };
    assert_eq!(read.to_string(), written);
}

/// Files of the host that are shown changed: whatever stands there, lines stay lines.
pub fn views(bytes: &[u8]) {
    let shown = cpuinfo(bytes, &CpuidModel::new(&machine::config("64K")));
    assert_eq!(lines(&shown), lines(bytes));
    for table in ["mounts", "mountinfo"].into_iter().filter_map(Table::by_name) {
        if let Some(shown) = table.without_noexec(bytes) {
            assert_eq!(lines(&shown), lines(bytes));
        }
    }
    let _ = is_mounted(bytes, "/dev", "tmpfs");
}

fn lines(bytes: &[u8]) -> usize {
    bytes.iter().filter(|byte| **byte == b'\n').count()
}

/// A conformance script: it is read or refused with a line number.
pub fn scripts(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else { return };
    if let Err(error) = parse("fuzz.conf", text) {
        assert!(!error.to_string().is_empty());
    }
}

use anyclave_trace::IoctlCause;
use anyclave_trace::ioctl::Call;

/// The tests of a call.
const fn tests(call: Call) -> &'static str {
    match call {
        Call::Ioctl => include_str!("prologue.rs"),
        Call::Create => include_str!("create.rs"),
        Call::AddPages => include_str!("add_pages.rs"),
        Call::Init => include_str!("init.rs"),
        Call::Provision => include_str!("provision.rs"),
        Call::Map => include_str!("mapping.rs"),
    }
}

#[test]
fn every_cause_is_named_by_a_test_of_its_call() {
    for cause in IoctlCause::all() {
        let name = format!("Cause::{}", cause.name());
        let named = tests(cause.call()).match_indices(&name).any(|(at, _)| {
            // not the beginning of a longer name
            let rest = &tests(cause.call())[at + name.len()..];
            !rest.starts_with(|next: char| next.is_ascii_alphanumeric())
        });
        assert!(named, "{}: {}", cause.call(), cause.name());
    }
}

//! Enclaves on processors that have more than SGX1.

use crate::image::{image, image_that_is_notified};
use crate::programs::check_on;
use crate::run::PATIENCE;
use std::env;
use std::ffi::{OsStr, OsString};
use std::time::Duration;

const NEWER: &str = "icelake,+sgx2,+edeccssa,+aexnotify";
const OLDER: &str = "icelake,-sgx2";

/// How many alarms interrupt an enclave that is notified of them.
const STORM: &str = "ANYCLAVE_NOTIFICATIONS";
const FEW: &str = "4000";

#[test]
fn aex_notify() {
    let alarms = env::var_os(STORM).unwrap_or_else(|| OsString::from(FEW));
    let arguments = [image_that_is_notified().as_os_str(), &alarms];
    check_on(NEWER, "aex_notify", &arguments, Duration::from_secs(300));
}

#[test]
fn sgx2_inside() {
    check_on(NEWER, "sgx2_inside", &[image().as_os_str()], PATIENCE);
}

#[test]
fn a_processor_without_the_leaves_protects_itself() {
    check_on(OLDER, "sgx2_inside", &[image().as_os_str(), OsStr::new("none")], PATIENCE);
}

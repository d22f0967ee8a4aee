//! Signals to threads inside enclaves: storms of them, exits within exits, and all that Linux lets a program say
//! about them.

use crate::compile::Flavour;
use crate::image::image_of_eight;
use crate::programs::{check_with, programs};
use crate::run::PATIENCE;
use std::env;
use std::ffi::OsString;
use std::time::Duration;

programs! {
    job_control
    nesting
    signal_actions
    signal_frames
    signal_queue
    signal_timers
    signal_waits
    signals_masks
    storm_nested
    thread_exit_inside
}

/// How many alarms the storm has. CI has 100,000, with nothing beside it.
const STORM: &str = "ANYCLAVE_STORM";
const FEW: &str = "4000";

#[test]
fn storm_exact() {
    let alarms = env::var_os(STORM).unwrap_or_else(|| OsString::from(FEW));
    let arguments = [image_of_eight().as_os_str(), &alarms];
    check_with("storm_exact", Flavour::Raw, &arguments, Duration::from_secs(300));
}

#[test]
fn migrating() {
    check_with("migrating", Flavour::Default, &[image_of_eight().as_os_str()], PATIENCE);
}

#[test]
fn signal_chaos() {
    check_with("signal_chaos", Flavour::Default, &[image_of_eight().as_os_str()], PATIENCE);
}

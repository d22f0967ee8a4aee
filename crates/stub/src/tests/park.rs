//! The waiting room.

use super::Copy;
use crate::{PARK_SLEEPS, PARK_STATUS, code, offset};
use std::time::Duration;

/// Lets a child process walk into `park` and returns its pid.
fn child_in(park: &Copy) -> i32 {
    let address = park.address(offset::park());
    // SAFETY: an entry of the code takes no arguments and never returns.
    let park: extern "C" fn() -> ! = unsafe { core::mem::transmute(address) };
    // SAFETY: the child runs nothing but the code, which uses no lock and no memory.
    match unsafe { libc::fork() } {
        0 => park(),
        child => {
            assert!(child > 0);
            child
        }
    }
}

fn wait(child: i32, options: i32) -> (i32, i32) {
    let mut status = 0;
    // SAFETY: status is a place for the answer, and the child is ours.
    let pid = unsafe { libc::waitpid(child, &raw mut status, options) };
    (pid, status)
}

#[test]
fn parked_thread_waits() {
    let copy = Copy::of(code());
    let child = child_in(&copy);
    std::thread::sleep(Duration::from_millis(60));
    assert_eq!(wait(child, libc::WNOHANG), (0, 0));
    // SAFETY: the child is ours and was not waited for yet.
    unsafe { libc::kill(child, libc::SIGKILL) };
    assert_eq!(wait(child, 0).0, child);
}

#[test]
fn parked_thread_ends_its_process_when_nobody_comes() {
    let mut bytes = code().to_vec();
    let sleeps = offset::park() + 2..offset::park() + 6;
    assert_eq!(bytes[sleeps.clone()], PARK_SLEEPS.to_le_bytes());
    bytes[sleeps].copy_from_slice(&3_u32.to_le_bytes());
    let child = child_in(&Copy::of(&bytes));
    let (pid, status) = wait(child, 0);
    assert_eq!((pid, libc::WEXITSTATUS(status)), (child, PARK_STATUS));
}

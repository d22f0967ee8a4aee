//! Panics: the unwinder inside.

use std::any::Any;
use std::cell::Cell;
use std::hint::black_box;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::thread;

/// What a panic said.
pub fn text(payload: &(dyn Any + Send)) -> &str {
    match payload.downcast_ref::<&str>() {
        Some(text) => text,
        None => payload.downcast_ref::<String>().map_or("no text", String::as_str),
    }
}

/// The payload arrives, from deep in the stack.
pub fn catch() {
    let payload = catch_unwind(|| deep(100)).unwrap_err();
    assert_eq!(text(&*payload), "at the bottom, 5050");
}

#[inline(never)]
fn deep(levels: u64) -> u64 {
    fn down(levels: u64, sum: u64) -> u64 {
        match levels {
            0 => panic!("at the bottom, {sum}"),
            _ => black_box(down(levels - 1, sum + levels)) + 1,
        }
    }
    down(levels, 0)
}

/// Destructors run once each, the innermost first.
pub fn drops() {
    struct Drops<'a>(&'a Cell<u32>, u32);
    impl Drop for Drops<'_> {
        fn drop(&mut self) {
            self.0.set(self.0.get() * 10 + self.1);
        }
    }
    let order = Cell::new(0);
    let result = catch_unwind(AssertUnwindSafe(|| {
        let _outer = Drops(&order, 1);
        let _inner = Drops(&order, 2);
        let numbers: Vec<u32> = black_box(Vec::new());
        numbers[black_box(3)]
    }));
    assert!(text(&*result.unwrap_err()).contains("the len is 0 but the index is 3"));
    assert_eq!(order.get(), 21);
}

/// The same payload, caught twice.
pub fn resumed() {
    let payload = catch_unwind(|| {
        let payload = catch_unwind(|| panic!("once")).unwrap_err();
        resume_unwind(payload)
    });
    assert_eq!(text(&*payload.map(|(): ()| ()).unwrap_err()), "once");
}

/// The thread ends alone; who joins it learns why.
pub fn thread() {
    let payload = thread::spawn(|| panic!("in a thread")).join().map(|(): ()| ()).unwrap_err();
    assert_eq!(text(&*payload), "in a thread");
}

/// Goes down the stack until it leaves it, into a page that the enclave does not have.
#[inline(never)]
pub fn endless(level: u64) -> u64 {
    let next = black_box(level + 1);
    if next == 0 { next } else { black_box(endless(next)) + 1 }
}

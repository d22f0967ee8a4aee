//! Doing something several times at once.

use std::io;
use std::thread;

/// Calls `work` on as many threads as `count` says, each with its number; what they give, in order.
pub(super) fn lanes<T: Send>(count: u32, work: impl Fn(u32) -> io::Result<T> + Sync) -> io::Result<Vec<T>> {
    let work = &work;
    thread::scope(|scope| {
        let lanes: Vec<_> = (0..count).map(|number| scope.spawn(move || work(number))).collect();
        lanes
            .into_iter()
            .map(|lane| lane.join().unwrap_or_else(|_panic| Err(io::Error::other("a lane panicked"))))
            .collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_come_in_order_and_one_error_is_the_error() {
        assert_eq!(lanes(3, |number| Ok(number * 2)).unwrap(), [0, 2, 4]);
        let error = lanes(3, |number| if number == 1 { Err(io::Error::other("x")) } else { Ok(number) });
        assert_eq!(error.unwrap_err().to_string(), "x");
    }
}

//! Threads: each enters the enclave by a TCS of its own, and each wait goes through the host.

use std::cell::Cell;
use std::collections::HashSet;
use std::sync::mpsc;
use std::sync::{Arc, Barrier, Condvar, Mutex};
use std::thread;
use std::time::Duration;

/// All meet at a barrier, on four different TCSs, and each adds its share.
pub fn four() {
    let barrier = Arc::new(Barrier::new(4));
    let share = |from: u64, barrier: &Barrier| {
        barrier.wait();
        let sum: u64 = (from..200_000).step_by(4).fold(0, |sum, number| sum ^ number.wrapping_mul(number));
        barrier.wait();
        (std::os::fortanix_sgx::thread::current().as_ptr().addr(), sum)
    };
    let others: Vec<_> = (1..4)
        .map(|from| {
            let barrier = Arc::clone(&barrier);
            thread::spawn(move || share(from, &barrier))
        })
        .collect();
    let mut results = vec![share(0, &barrier)];
    results.extend(others.into_iter().map(|thread| thread.join().unwrap()));
    let tcss: HashSet<_> = results.iter().map(|(tcs, _)| tcs).collect();
    assert_eq!(tcss.len(), 4, "{results:?}");
    let sum = results.iter().fold(0, |sum, (_, share)| sum ^ share);
    assert_eq!(sum, (0..200_000_u64).fold(0, |sum, number| sum ^ number.wrapping_mul(number)));
}

/// Sixty threads, three at a time: each TCS is entered for one thread after another.
pub fn come_and_go() {
    for round in 0..20 {
        let threads: Vec<_> = (0..3).map(|number| thread::spawn(move || round * 3 + number)).collect();
        let numbers: Vec<_> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
        assert!(numbers.into_iter().eq(round * 3..round * 3 + 3));
    }
}

/// Three threads wait for their turn, in an order that only the condition decides.
pub fn condition() {
    let state = Arc::new((Mutex::new(Vec::new()), Condvar::new()));
    let threads: Vec<_> = (0..3)
        .map(|turn| {
            let state = Arc::clone(&state);
            thread::spawn(move || {
                let (turns, changed) = &*state;
                let mut turns =
                    changed.wait_while(turns.lock().unwrap(), |turns| turns.len() != turn).unwrap();
                turns.push(turn);
                changed.notify_all();
            })
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    assert_eq!(*state.0.lock().unwrap(), [0, 1, 2]);
}

/// A thousand numbers from three senders all arrive.
pub fn channel() {
    let (sender, receiver) = mpsc::channel();
    let threads: Vec<_> = (0..3)
        .map(|from| {
            let sender = sender.clone();
            thread::spawn(move || {
                (from..1_000_u32).step_by(3).for_each(|number| sender.send(number).unwrap())
            })
        })
        .collect();
    drop(sender);
    let mut numbers: Vec<_> = receiver.iter().collect();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    numbers.sort_unstable();
    assert!(numbers.into_iter().eq(0..1_000));
}

/// Each thread has its own value, found through its own TCS.
pub fn local() {
    thread_local!(static VALUE: Cell<u32> = const { Cell::new(0) });
    VALUE.set(100);
    let others = (1..4).map(|value| {
        thread::spawn(move || {
            VALUE.set(VALUE.get() + value);
            thread::yield_now();
            VALUE.get()
        })
    });
    let others: Vec<_> = others.collect();
    assert_eq!(others.into_iter().map(|thread| thread.join().unwrap()).collect::<Vec<_>>(), [1, 2, 3]);
    assert_eq!(VALUE.get(), 100);
}

/// A parked thread goes on when it is told, and a wait that nobody ends runs out.
pub fn park() {
    let (sender, receiver) = mpsc::channel();
    let sleeper = thread::spawn(move || {
        thread::park();
        sender.send(()).unwrap();
        thread::sleep(Duration::from_millis(1));
    });
    sleeper.thread().unpark();
    receiver.recv().unwrap();
    sleeper.join().unwrap();
    let (_sender, receiver) = mpsc::channel::<()>();
    assert_eq!(receiver.recv_timeout(Duration::from_millis(1)), Err(mpsc::RecvTimeoutError::Timeout));
}

//! What the host gives: words, time, connections.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::{Instant, SystemTime};

/// The word that started the cases, and the one behind it.
pub fn arguments() {
    assert_eq!(std::env::args().skip(1).collect::<Vec<_>>(), ["all", "a word with spaces"]);
}

/// Later than when this was written, and it does not go back.
pub fn time() {
    const WRITTEN: u64 = 1_700_000_000;
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    assert!(since.as_secs() > WRITTEN, "{since:?}");
    let first = Instant::now();
    assert!(first <= Instant::now());
}

/// 64 KiB go to the host and come back into the same enclave.
pub fn connection() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let sent: Vec<u8> = (0..=255).cycle().take(1 << 16).collect();
    let copy = sent.clone();
    let sender = thread::spawn(move || {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.write_all(&copy).unwrap();
    });
    let (mut stream, _) = listener.accept().unwrap();
    let mut received = Vec::new();
    stream.read_to_end(&mut received).unwrap();
    sender.join().unwrap();
    assert!(received == sent, "{} bytes", received.len());
}

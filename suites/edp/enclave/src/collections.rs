//! The standard library's memory: hashing, whose seed comes from RDRAND, and the allocator in the enclave.

use std::collections::HashMap;

/// Four thousand entries come and go.
pub fn hash_map() {
    let mut map = HashMap::new();
    for number in 0_u64..4_000 {
        assert_eq!(map.insert(format!("key {number}"), number * number), None);
    }
    for number in (0..4_000).step_by(2) {
        assert_eq!(map.remove(&format!("key {number}")), Some(number * number));
    }
    assert_eq!(map.len(), 2_000);
    let sum: u64 = map.values().sum();
    assert_eq!(sum, (0..4_000).filter(|number| number % 2 == 1).map(|number| number * number).sum());
}

/// Four times one mebibyte, each byte kept.
pub fn heap() {
    let blocks: Vec<Vec<u8>> = (1..=4).map(|byte| vec![byte; 1 << 20]).collect();
    for (block, byte) in blocks.iter().zip(1..) {
        assert!(block.iter().all(|other| *other == byte));
    }
}

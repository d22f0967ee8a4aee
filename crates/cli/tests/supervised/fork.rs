//! One enclave in several processes.

use crate::compile::Flavour;
use crate::programs::{check, programs};

programs! {
    fork_inside
    fork_windows
}

#[test]
fn fork_both() {
    check("fork_both", Flavour::Static);
}

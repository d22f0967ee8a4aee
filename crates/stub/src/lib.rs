//! .
#![allow(unsafe_code, reason = "one of the two crates where unsafe code lives")]

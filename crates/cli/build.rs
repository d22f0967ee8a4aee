//! Builds the enclave of `anyclave demo`: compiled, laid out, measured and signed here, included by the program.

use std::path::PathBuf;
use std::process::ExitCode;

use anyclave_hello::{Tools, build};

fn main() -> ExitCode {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=RUSTC_LINKER");
    let Some(directory) = std::env::var_os("OUT_DIR").map(PathBuf::from) else {
        println!("cargo::error=cargo names no OUT_DIR");
        return ExitCode::FAILURE;
    };
    if let Err(error) = build(&Tools::of_build_script(), &directory) {
        for line in error.to_string().lines() {
            println!("cargo::error={line}");
        }
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

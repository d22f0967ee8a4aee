//! From `enclave.rs` to a position-independent ELF file without relocations.

use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::process::Command;

use crate::BuildError;

/// The source and its modules, so that a program that depends on this crate needs nothing beside it.
const SOURCES: [(&str, &str); 3] = [
    ("enclave.rs", include_str!("../enclave.rs")),
    ("src/abi.rs", include_str!("abi.rs")),
    ("src/cmac.rs", include_str!("cmac.rs")),
];

/// What compiles the enclave. Settings of the project around (profiles, flags, wrappers) are left aside on
/// purpose: they are not made for enclaves.
#[derive(Clone, Debug)]
pub struct Tools {
    /// The compiler.
    pub rustc: OsString,
    /// The linker, where it is not the compiler's own choice.
    pub linker: Option<OsString>,
}

impl Default for Tools {
    /// `rustc`, as the search path finds it.
    fn default() -> Self {
        Self { rustc: "rustc".into(), linker: None }
    }
}

impl Tools {
    /// What cargo tells a build script to use.
    #[must_use]
    pub fn of_build_script() -> Self {
        Self {
            rustc: std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()),
            linker: std::env::var_os("RUSTC_LINKER"),
        }
    }
}

/// Compiles the enclave in `directory` and returns the ELF file.
pub(crate) fn compile(tools: &Tools, directory: &Path) -> Result<Vec<u8>, BuildError> {
    fs::create_dir_all(directory.join("src"))?;
    for (name, text) in SOURCES {
        fs::write(directory.join(name), text)?;
    }
    let mut command = Command::new(&tools.rustc);
    command.current_dir(directory).args([
        "--edition=2024",
        "--crate-name=hello",
        "--crate-type=bin",
        "-Copt-level=2",
        "-Cpanic=abort",
        "-Cforce-unwind-tables=no",
        "-Crelocation-model=pic",
        "-Ctarget-feature=+crt-static",
        "-Cstrip=symbols",
        "-Clink-arg=-nostartfiles",
        "-Clink-arg=-nostdlib",
        // Enclave pages have the rights of their segment from the start, hence no RELRO; a build-id would
        // put a hash into what is hashed.
        "-Clink-arg=-Wl,-z,max-page-size=4096,-z,noexecstack,-z,norelro,--build-id=none",
        "-Clink-arg=-Wl,-e,enclave_entry",
        "-o",
        "hello.elf",
        "enclave.rs",
    ]);
    if let Some(linker) = &tools.linker {
        let mut option = OsString::from("-Clinker=");
        option.push(linker);
        command.arg(option);
    }
    // Cargo's settings reach build scripts as variables that rustc reads again.
    command.env_remove("RUSTC_WRAPPER").env_remove("RUSTFLAGS");
    let output = command.output()?;
    if !output.status.success() {
        return Err(BuildError::Compiler(String::from_utf8_lossy(&output.stderr).into_owned()));
    }
    Ok(fs::read(directory.join("hello.elf"))?)
}

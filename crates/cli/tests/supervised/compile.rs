//! Compiles the programs.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The folder of the C programs.
pub(crate) fn sources() -> PathBuf {
    std::env::var_os("ANYCLAVE_TEST_SOURCES")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/programs"), PathBuf::from)
}

/// A folder for what the tests make; one for each test, so that none reads what another still writes.
pub(crate) fn scratch(name: &str) -> PathBuf {
    let root = std::env::var_os("ANYCLAVE_TEST_DIR")
        .map_or_else(|| env!("CARGO_TARGET_TMPDIR").into(), PathBuf::from);
    let folder = root.join("supervised").join(name);
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

/// How a program is compiled besides the usual options.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flavour {
    /// As the compiler does on its own: position-independent and dynamic.
    Default,
    /// At a fixed address.
    NoPie,
    /// Without a dynamic linker.
    Static,
    /// Without a dynamic linker, and at any address.
    StaticPie,
    /// Without a C library.
    Raw,
    /// The same at any address.
    RawPie,
    /// With an import from linux-vdso.so.1.
    ImportsVdso,
}

impl Flavour {
    fn options(self) -> &'static [&'static str] {
        match self {
            Self::Default => &[],
            Self::NoPie => &["-fno-pie", "-no-pie"],
            Self::Static => &["-static"],
            Self::StaticPie => &["-static-pie", "-fPIE"],
            Self::Raw => &[
                "-static",
                "-nostdlib",
                "-ffreestanding",
                "-fno-stack-protector",
                "-fno-tree-loop-distribute-patterns",
            ],
            Self::RawPie => &[
                "-static-pie",
                "-fPIE",
                "-nostdlib",
                "-ffreestanding",
                "-fno-stack-protector",
                "-fno-tree-loop-distribute-patterns",
            ],
            Self::ImportsVdso => &["-Wl,--no-as-needed"],
        }
    }
}

/// Compiles `name`.c into the scratch folder `folder` and gives the program's path.
pub(crate) fn compile(name: &str, flavour: Flavour, folder: &Path) -> PathBuf {
    let program = folder.join(name);
    let mut cc = compiler();
    cc.args(["-O1", "-Wall", "-Wextra", "-D_GNU_SOURCE", "-pthread"]);
    cc.args(flavour.options());
    cc.arg(sources().join(name).with_extension("c"));
    if flavour == Flavour::ImportsVdso {
        cc.arg(vdso_stub(folder));
    }
    build(cc.arg("-ldl").arg("-o").arg(&program));
    program
}

/// Assembles `name`.S, an enclave with so many threads, into an object file.
pub(crate) fn assemble(name: &str, threads: u32, folder: &Path) -> PathBuf {
    assemble_with(name, &format!("-DTHREADS={threads}"), folder)
}

/// Assembles `name`.S with a definition into an object file.
pub(crate) fn assemble_with(name: &str, definition: &str, folder: &Path) -> PathBuf {
    let object = folder.join(name).with_extension("o");
    let mut cc = compiler();
    cc.arg("-c").arg(definition).arg(sources().join(name).with_extension("S"));
    build(cc.arg("-o").arg(&object));
    object
}

/// A library that calls itself linux-vdso.so.1, to link with.
fn vdso_stub(folder: &Path) -> PathBuf {
    let library = folder.join("libvdso_stub.so");
    let map = sources().join("libvdso_stub.map");
    build(
        compiler()
            .args(["-shared", "-fPIC", "-nostdlib", "-Wl,-soname,linux-vdso.so.1"])
            .arg(format!("-Wl,--version-script={}", map.display()))
            .arg(sources().join("libvdso_stub.c"))
            .arg("-o")
            .arg(&library),
    );
    library
}

fn compiler() -> Command {
    Command::new(std::env::var_os("CC").unwrap_or_else(|| "cc".into()))
}

fn build(cc: &mut Command) {
    let output = cc.output().unwrap_or_else(|error| panic!("cannot start the C compiler: {error}"));
    assert!(output.status.success(), "{cc:?} fails:\n{}", String::from_utf8_lossy(&output.stderr));
}

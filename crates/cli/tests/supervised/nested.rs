//! A run inside a run.

use crate::compile::{Flavour, compile, scratch};
use crate::image::image;
use crate::run::{anyclave, run, supervised};

#[test]
fn without_options_it_is_the_machine_around() {
    let folder = scratch("nested");
    let program = compile("vdso_hash", Flavour::Default, &folder);
    let inner = [anyclave().into_os_string(), "run".into(), "-q".into(), "--".into()];
    let outcome =
        run(&mut supervised(inner.iter().cloned().chain([program.into(), image().into()])), &folder);
    outcome.assert_code(0);
    assert_eq!(outcome.stderr, "");
    let exit = ["sh", "-c", "exit 9"].map(Into::into);
    run(&mut supervised(inner.into_iter().chain(exit)), &folder).assert_code(9);
}

#[test]
fn with_machine_options_it_is_refused() {
    let folder = scratch("nested_options");
    let anyclave = anyclave();
    let inner = [
        anyclave.as_os_str(),
        "run".as_ref(),
        "--epc".as_ref(),
        "16M".as_ref(),
        "--".as_ref(),
        "true".as_ref(),
    ];
    let outcome = run(&mut supervised(inner), &folder);
    outcome.assert_code(125);
    assert!(outcome.stderr.starts_with("anyclave: "), "{outcome:?}");
}

//! The end of a machine that cannot go on.

/// Says why on standard error and aborts. The programs end with the supervisor that traces them.
pub(crate) fn fatal(why: &str) -> ! {
    eprintln!("anyclave: this machine cannot go on: {why}");
    std::process::abort()
}

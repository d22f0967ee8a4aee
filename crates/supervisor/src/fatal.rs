//! The end of a machine that cannot go on.

use crate::log::say;

/// Says why on standard error and aborts. The programs end with the supervisor that traces them.
pub(crate) fn fatal(why: &str) -> ! {
    say(format_args!("this machine cannot go on: {why}"));
    std::process::abort()
}

//! All schedules of a few processors: the protocols keep their promises in every one, and for each rule that is
//! left out there is one that breaks them. `cargo test -p anyclave-testkit --test interleavings -- --nocapture`
//! prints those, and how many states and schedules there are.

#[cfg(test)]
mod entry;
#[cfg(test)]
mod paging;
#[cfg(test)]
mod verdict;

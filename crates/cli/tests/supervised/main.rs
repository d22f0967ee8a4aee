//! Programs under `anyclave run`, whole: C programs of `tests/programs` with an enclave of their own, and what
//! the shell that starts them sees. What the C programs check holds on hardware with Linux's driver.
//!
//! Where things are can be said by the environment, so that the tests can also run as a user who cannot reach
//! this source tree:
//! `ANYCLAVE_TEST_PROGRAM` the program under test, `ANYCLAVE_TEST_SOURCES` the folder `tests/programs`,
//! `ANYCLAVE_TEST_CONFORMANCE` that of the conformance scripts, `ANYCLAVE_TEST_DIR` a folder to write to.

#[cfg(test)]
mod bench;
#[cfg(test)]
mod compile;
#[cfg(test)]
mod conformance;
#[cfg(test)]
mod containers;
#[cfg(test)]
mod deaths;
#[cfg(test)]
mod everyday;
#[cfg(test)]
mod fork;
#[cfg(test)]
mod hosts;
#[cfg(test)]
mod illegal;
#[cfg(test)]
mod image;
#[cfg(test)]
mod lifecycle;
#[cfg(test)]
mod machines;
#[cfg(test)]
mod nested;
#[cfg(test)]
mod newer;
#[cfg(test)]
mod privileges;
#[cfg(test)]
mod programs;
#[cfg(test)]
mod refusals;
#[cfg(test)]
mod run;
#[cfg(test)]
mod signals;
#[cfg(test)]
mod terminal;
#[cfg(test)]
mod tracers;
#[cfg(test)]
mod traps;
#[cfg(test)]
mod trees;
#[cfg(test)]
mod vectors;
#[cfg(test)]
mod views;

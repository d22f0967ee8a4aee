//! What others made, against our layouts.

#[cfg(test)]
mod quotes;

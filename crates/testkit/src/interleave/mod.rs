//! Schedules of a few processors: every one of them.
//!
//! A test that starts threads sees the schedules that happen. What goes wrong once in a million, between two
//! instructions, it does not see. So the protocols on which the safety of enclave memory rests are written as
//! [`Model`](enumerator::Model)s, whose steps are what is atomic in reality, and [`explore`](enumerator::explore)
//! takes their steps in every possible order, without threads and without chance. A model that is right has no
//! schedule that breaks a promise; for each rule of a protocol there is a named fault that leaves it out, and a
//! shortest schedule that shows what the rule is for, printed with a column for each processor.
//!
//! | model | steps | what it is about |
//! |---|---|---|
//! | [`entry`] | accesses to x86 memory, store buffers included | slots, epochs and fences of entries and ETRACK |
//! | [`paging`] | leaves, stores, page tables, interrupts | eviction, and changes of rights that EACCEPT confirms |
//!
//! The leaves of [`paging`] are those of the processor itself, with real pages and encryption
//! ([`Whole`](paging::Whole)); or, for more states, those of a sketch of it ([`Sketch`](paging::Sketch)), whose every
//! answer is compared with the whole processor's in all states that both are run in ([`Both`](paging::Both)).
//!
//! **Why not loom.** loom runs real code on its own atomics in all orders that the C11 memory model allows. What
//! stands here instead are protocols that are half in other processes, in the kernel and in leaves that are single
//! steps; their memory accesses are machine code of x86, which knows one reordering only. Store buffers say that
//! exactly and in 50 lines ([`tso`]); states that were seen before are not explored again, which loom cannot do, so
//! that 10^20 schedules take a second; and a counterexample is a shortest one, in the words of the protocol.

pub mod entry;
pub mod enumerator;
pub mod paging;
pub mod trace;
pub mod tso;

//! Core management of EPC pages: who has which page, and which are free.
//!
//! It stands where Linux's `sgx/main.c` stands: below the enclave driver and virtual EPC, above the
//! processor. It knows no enclave, no file and no process. A page is an [`EpcPage`] whose type says what the
//! EPCM holds; only executing a leaf changes the type, so a page can neither be freed twice nor be put to two
//! uses, and nothing but EREMOVE makes it free again.
//!
//! Cost follows use: pages that nobody has asked for are a pair of numbers per section, and each is
//! sanitised when it is first handed out.

#![forbid(unsafe_code)]

mod page;
mod pool;
mod progress;
mod section;

pub use page::{Child, EpcPage, Free, Refused, Role, Secs, Va};
pub use pool::{Counters, Epc, OutOfEpc};
pub use progress::{Progress, Wait};

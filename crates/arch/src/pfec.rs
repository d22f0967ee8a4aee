//! The page-fault error code.

bitflags::bitflags! {
    /// Error code of #PF.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
    pub struct Pfec: u32 {
        /// The page was present.
        const P = 1 << 0;
        /// The access was a write.
        const W = 1 << 1;
        /// The access came from user mode.
        const U = 1 << 2;
        /// A reserved bit was set in a paging structure.
        const RSVD = 1 << 3;
        /// The access was an instruction fetch.
        const I = 1 << 4;
        /// A protection key forbade the access.
        const PK = 1 << 5;
        /// Shadow-stack access.
        const SS = 1 << 6;
        /// An SGX check (EPCM) failed.
        const SGX = 1 << 15;
    }
}

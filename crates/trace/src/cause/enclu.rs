//! Failing checks of ENCLU before it runs a leaf.

use anyclave_arch::Leaf;

causes! {
    /// Why ENCLU fails whatever its leaf.
    EncluCause of Leaf::AnyEnclu;
    LeafUnknown: Gp, "EAX holds no leaf number";
    LeafNotEnumerated: Gp, "EAX holds a leaf that CPUID does not announce";
    EntryInside: Gp, "EENTER or ERESUME in enclave mode";
    NotInside: Gp, "the leaf in EAX works in enclave mode only";
}

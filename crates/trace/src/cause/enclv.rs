//! Failing checks of ENCLV before it has chosen a leaf.

use anyclave_arch::Leaf;

causes! {
    /// Why ENCLV fails whatever its leaf.
    EnclvCause of Leaf::AnyEnclv;
    NotEnumerated: Ud, "CPUID does not announce ENCLV";
    LeafUnknown: Gp, "EAX holds no leaf of ENCLV";
}

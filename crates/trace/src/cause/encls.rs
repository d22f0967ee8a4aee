//! Failing checks of ENCLS before it has chosen a leaf.

use anyclave_arch::Leaf;

causes! {
    /// Why ENCLS fails whatever its leaf.
    EnclsCause of Leaf::AnyEncls;
    LeafNotEnumerated: Gp, "EAX holds no leaf that CPUID announces";
}

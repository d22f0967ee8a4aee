//! Failing checks of ENCLU[EEXIT].

use anyclave_arch::{Enclu, Leaf};

causes! {
    /// Why EEXIT fails.
    EexitCause of Leaf::Enclu(Enclu::Eexit);
    RbxNotCanonical: Gp, "the target (RBX) is not canonical";
}

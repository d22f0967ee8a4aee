//! Failing checks of ENCLU[EDECCSSA].

use anyclave_arch::{Enclu, Leaf};

causes! {
    /// Why EDECCSSA fails.
    EdeccssaCause of Leaf::Enclu(Enclu::Edeccssa);
    TcsConflict: Gp, "another processor is changing the page of the TCS";
    CssaZero: Gp, "TCS.CSSA is zero: there is no frame below the current one";
    SsaNotCanonical: Gp, "a page of the SSA frame is not at a canonical address";
    SsaNotEpc: PfWrite, "a page of the SSA frame is not in the EPC";
    SsaInvalid: PfWrite, "a page of the SSA frame is not in use";
    SsaBlocked: PfWrite, "a page of the SSA frame is blocked";
    SsaNotReg: PfWrite, "a page of the SSA frame is not PT_REG";
    SsaForeign: PfWrite, "a page of the SSA frame belongs to another enclave";
    SsaPending: PfWrite, "a page of the SSA frame waits for EACCEPT of its addition";
    SsaModified: PfWrite, "a page of the SSA frame waits for EACCEPT of its new type";
    SsaAddress: PfWrite, "a page of the SSA frame is mapped at another address than the EPCM's";
    SsaRights: PfWrite, "a page of the SSA frame is not readable and writable by the EPCM";
}

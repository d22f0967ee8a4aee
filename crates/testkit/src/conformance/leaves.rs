//! Leaves by name, and the registers of their operands in the order in which scripts name them.

use anyclave_arch::{Encls, Enclu, Enclv, Leaf};

/// The leaf with this name; ENCLS, ENCLU and ENCLV themselves are the instruction with whatever RAX says, and AEX is
/// none, for files that say `run aex`.
pub(super) fn by_name(name: &str) -> Option<Leaf> {
    if name == "AEX" {
        return Some(Leaf::AnyEnclu);
    }
    let encls = Encls::ALL.into_iter().map(Leaf::Encls);
    let enclu = Enclu::ALL.into_iter().map(Leaf::Enclu);
    let enclv = Enclv::ALL.into_iter().map(Leaf::Enclv);
    let any = [Leaf::AnyEncls, Leaf::AnyEnclu, Leaf::AnyEnclv];
    encls.chain(enclu).chain(enclv).chain(any).find(|leaf| leaf.name() == name)
}

/// A register's default.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fixed {
    /// The address of an object.
    Object(&'static str),
    /// A number.
    Number(u64),
}

/// How the operands of a leaf are written: registers by position, and defaults of others.
pub(super) fn operands(leaf: Leaf) -> (&'static [&'static str], &'static [(&'static str, Fixed)]) {
    use Fixed::{Number, Object};
    const PAGEINFO: &[(&str, Fixed)] = &[("rbx", Object("pageinfo"))];
    const SECINFO: &[(&str, Fixed)] = &[("rbx", Object("secinfo"))];
    const AEP: &[(&str, Fixed)] = &[("rcx", Object("aep"))];
    match leaf {
        Leaf::Encls(leaf) => match leaf {
            Encls::Ecreate | Encls::Eadd | Encls::Eaug => (&["rcx"], PAGEINFO),
            Encls::Einit => (&["rcx"], &[("rbx", Object("sigstruct")), ("rdx", Object("token"))]),
            Encls::Eremove | Encls::Edbgrd | Encls::Eblock | Encls::Etrack | Encls::Etrackc => {
                (&["rcx"], &[])
            }
            Encls::Edbgwr => (&["rcx", "rbx"], &[]),
            Encls::Eextend => (&["rcx", "rbx"], &[]),
            Encls::Eldb | Encls::Eldu | Encls::Eldbc | Encls::Elduc | Encls::Ewb => {
                (&["rcx", "rdx"], PAGEINFO)
            }
            Encls::Epa => (&["rcx"], &[("rbx", Number(3))]),
            Encls::Emodpr | Encls::Emodt => (&["rcx"], SECINFO),
            Encls::Erdinfo => (&["rcx"], &[("rbx", Object("rdinfo"))]),
            Encls::Eupdatesvn => (&[], &[]),
        },
        Leaf::Enclu(leaf) => match leaf {
            Enclu::Eenter | Enclu::Eresume => (&["rbx"], AEP),
            Enclu::Ereport => (&["rbx", "rcx", "rdx"], &[]),
            Enclu::Egetkey => (&["rbx", "rcx"], &[]),
            Enclu::Eexit | Enclu::Everifyreport2 => (&["rbx"], &[]),
            Enclu::Eaccept | Enclu::Emodpe => (&["rcx", "rbx"], &[]),
            Enclu::Eacceptcopy => (&["rcx", "rdx", "rbx"], &[]),
            Enclu::Edeccssa => (&[], &[]),
        },
        Leaf::Enclv(leaf) => match leaf {
            Enclv::Edecvirtchild | Enclv::Eincvirtchild => (&["rbx", "rcx"], &[]),
            Enclv::Esetcontext => (&["rcx"], &[("rdx", Object("value"))]),
        },
        Leaf::AnyEncls | Leaf::AnyEnclu | Leaf::AnyEnclv => (&[], &[]),
    }
}

//! Structures of the manual by the names of their fields.

use core::mem::offset_of;

use anyclave_arch::key::KeyRequest;
use anyclave_arch::report::Report;
use anyclave_arch::ssa::{ExInfo, GprSgx};
use anyclave_arch::targetinfo::TargetInfo;
use anyclave_arch::token::EinitToken;
use anyclave_arch::{PageInfo, SecInfo, Secs, SigStruct, Tcs};
use anyclave_cpu::SecsPage;

/// A field: name, offset, bytes.
pub(super) type Field = (&'static str, usize, usize);

/// A structure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Layout {
    /// As scripts write it.
    pub(super) name: &'static str,
    /// Bytes.
    pub(super) size: usize,
    pub(super) fields: &'static [Field],
}

impl Layout {
    /// Offset and bytes of a field.
    pub(super) fn field(&self, name: &str) -> Option<(usize, usize)> {
        self.fields.iter().find(|(field, ..)| *field == name).map(|(_, offset, size)| (*offset, *size))
    }
}

/// Fields of a structure whose names are the same in scripts.
macro_rules! layout {
    ($name:literal, $type:ty, $($field:ident: $size:literal),+ $(; $alias:literal: $offset:expr, $bytes:expr)* $(;)?) => {
        Layout {
            name: $name,
            size: size_of::<$type>(),
            fields: &[$((stringify!($field), offset_of!($type, $field), $size),)+ $(($alias, $offset, $bytes),)*],
        }
    };
}

/// Every structure that a script can name.
const LAYOUTS: [Layout; 16] = [
    Layout { name: "page", size: 4096, fields: &[] },
    layout!("secs", Secs, size: 8, base: 8, ssaframesize: 4, miscselect: 4, cet_leg_bitmap_offset: 8,
        cet_attributes: 1, reserved1: 15, mrenclave: 32, reserved2: 32, mrsigner: 32, reserved3: 32,
        configid: 64, isvprodid: 2, isvsvn: 2, configsvn: 2, reserved4: 3834;
        "attributes": offset_of!(Secs, attributes), 8; "xfrm": offset_of!(Secs, attributes) + 8, 8;
        // where our processor keeps what the manual hides
        "eid": offset_of!(SecsPage, eid), 8; "child_count": offset_of!(SecsPage, child_count), 8;
        "enclavecontext": offset_of!(SecsPage, enclavecontext), 8; "epoch": offset_of!(SecsPage, epoch), 8;
        "virtchild_count": offset_of!(SecsPage, virtchild_count), 8;),
    layout!("tcs", Tcs, state: 8, flags: 8, ossa: 8, cssa: 4, nssa: 4, oentry: 8, aep: 8, ofsbase: 8,
        ogsbase: 8, fslimit: 4, gslimit: 4, reserved: 4024),
    layout!("pageinfo", PageInfo, linaddr: 8, srcpge: 8, secinfo: 8, secs: 8;
        // of the leaves that page
        "pcmd": offset_of!(PageInfo, secinfo), 8;),
    layout!("secinfo", SecInfo, flags: 8, reserved: 56),
    Layout {
        name: "pcmd",
        size: 128,
        fields: &[
            ("secinfo", 0, 8),
            ("secinfo_reserved", 8, 56),
            ("enclaveid", 64, 8),
            ("reserved", 72, 40),
            ("mac", 112, 16),
        ],
    },
    layout!("sigstruct", SigStruct, header: 16, vendor: 4, date: 4, header2: 16, swdefined: 4, reserved1: 84,
        modulus: 384, exponent: 4, signature: 384, miscselect: 4, miscmask: 4, cet_attributes: 1,
        cet_attributes_mask: 1, reserved2: 2, isvfamilyid: 16, enclavehash: 32, reserved3: 16,
        isvextprodid: 16, isvprodid: 2, isvsvn: 2, reserved4: 12, q1: 384, q2: 384;
        "attributes": offset_of!(SigStruct, attributes), 8; "xfrm": offset_of!(SigStruct, attributes) + 8, 8;
        "attributemask": offset_of!(SigStruct, attributemask), 8;
        "xfrmmask": offset_of!(SigStruct, attributemask) + 8, 8;),
    layout!("token", EinitToken, valid: 4, reserved1: 44, mrenclave: 32, reserved2: 32, mrsigner: 32,
        reserved3: 32, cpusvnle: 16, isvprodidle: 2, isvsvnle: 2, cet_masked_attributes_le: 1, reserved4: 23,
        maskedmiscselectle: 4, keyid: 32, mac: 16;
        "attributes": offset_of!(EinitToken, attributes), 8; "xfrm": offset_of!(EinitToken, attributes) + 8, 8;
        "maskedattributesle": offset_of!(EinitToken, maskedattributesle), 8;
        "maskedxfrmle": offset_of!(EinitToken, maskedattributesle) + 8, 8;),
    layout!("keyrequest", KeyRequest, keyname: 2, keypolicy: 2, isvsvn: 2, cet_attributes_mask: 1, reserved1: 1,
        cpusvn: 16, keyid: 32, miscmask: 4, configsvn: 2, reserved2: 434;
        "attributemask": offset_of!(KeyRequest, attributemask), 8;
        "xfrmmask": offset_of!(KeyRequest, attributemask) + 8, 8;),
    layout!("targetinfo", TargetInfo, measurement: 32, cet_attributes: 1, reserved1: 1, configsvn: 2,
        miscselect: 4, reserved2: 8, configid: 64, reserved3: 384;
        "attributes": offset_of!(TargetInfo, attributes), 8; "xfrm": offset_of!(TargetInfo, attributes) + 8, 8;),
    layout!("report", Report, cpusvn: 16, miscselect: 4, cet_attributes: 1, reserved1: 11, isvextprodid: 16,
        mrenclave: 32, reserved2: 32, mrsigner: 32, reserved3: 32, configid: 64, isvprodid: 2, isvsvn: 2,
        configsvn: 2, reserved4: 42, isvfamilyid: 16, reportdata: 64, keyid: 32, mac: 16;
        "attributes": offset_of!(Report, attributes), 8; "xfrm": offset_of!(Report, attributes) + 8, 8;),
    Layout {
        name: "rdinfo",
        size: 32,
        fields: &[("status", 0, 8), ("flags", 8, 8), ("enclavecontext", 16, 8)],
    },
    layout!("gprsgx", GprSgx, rax: 8, rcx: 8, rdx: 8, rbx: 8, rsp: 8, rbp: 8, rsi: 8, rdi: 8, r8: 8, r9: 8,
        r10: 8, r11: 8, r12: 8, r13: 8, r14: 8, r15: 8, rflags: 8, rip: 8, ursp: 8, urbp: 8, exitinfo: 4,
        reserved: 3, aexnotify: 1, fsbase: 8, gsbase: 8),
    layout!("exinfo", ExInfo, maddr: 8, errcd: 4, reserved: 4),
    Layout {
        name: "xsave",
        size: 832,
        fields: &[
            ("fcw", 0, 2),
            ("fsw", 2, 2),
            ("mxcsr", 24, 4),
            ("mxcsr_mask", 28, 4),
            ("st0", 32, 16),
            ("xmm0", 160, 16),
            ("xmm15", 400, 16),
            ("xstate_bv", 512, 8),
            ("xcomp_bv", 520, 8),
            ("reserved", 528, 8),
            ("ymmh0", 576, 16),
            ("ymmh15", 816, 16),
        ],
    },
    Layout { name: "u64", size: 8, fields: &[] },
];

/// The structure with this name.
pub(super) fn by_name(name: &str) -> Option<Layout> {
    LAYOUTS.into_iter().find(|layout| layout.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_field_reaches_beyond_its_structure_or_into_another() {
        for layout in LAYOUTS {
            let mut fields: Vec<_> =
                layout.fields.iter().map(|(name, offset, size)| (*offset, *size, *name)).collect();
            fields.sort_unstable();
            fields.dedup_by_key(|(offset, ..)| *offset);
            // private fields of the SECS lie where the manual reserves
            fields.retain(|(_, size, _)| *size != 3834);
            for pair in fields.windows(2) {
                assert!(pair[0].0 + pair[0].1 <= pair[1].0, "{} {pair:?}", layout.name);
            }
            let end = fields.last().map_or(0, |(offset, size, _)| offset + size);
            assert!(end <= layout.size, "{}", layout.name);
        }
    }
}

//! What CPUID answers where a processor is to be known as one of Intel's, on whatever host.
//!
//! Software that asks for the maker then reads leaves that only this maker has, so these get answers too, and
//! the other maker's own leaves and bits are gone.

use anyclave_arch::cpuid::Registers;

/// Leaf 0, EBX, EDX and ECX in this order.
pub(crate) const VENDOR: &str = "GenuineIntel";
/// Family, model and stepping as leaf 1 tells them: 06_6AH, stepping 6.
pub(crate) const FAMILY: u32 = 6;
/// See [`FAMILY`].
pub(crate) const MODEL: u32 = 0x6a;
/// See [`FAMILY`].
pub(crate) const STEPPING: u32 = 6;
/// The brand string of leaves 8000_0002H to 4.
pub(crate) const BRAND: &str = "Intel Xeon Processor (Icelake)";

/// Last extended leaf that processors of this maker have.
const LAST_EXTENDED: u32 = 0x8000_0008;
/// Leaf 2 where leaf 4 describes the caches: one descriptor that says so, and 64 bytes a prefetch.
const CACHES_IN_LEAF_4: Registers = Registers { eax: 0x00fe_ff01, ebx: 0xf0, ecx: 0, edx: 0 };
/// 8000_0001H:ECX: LAHF, LZCNT, PREFETCHW. The others are the other maker's.
const EXTENDED_ECX: u32 = 1 << 0 | 1 << 5 | 1 << 8;
/// 8000_0001H:EDX: SYSCALL, NX, pages of 1 GiB, RDTSCP, 64 bits.
const EXTENDED_EDX: u32 = 1 << 11 | 1 << 20 | 1 << 26 | 1 << 27 | 1 << 29;
/// 8000_0007H:EDX: the time stamp counter is invariant.
const INVARIANT_TSC: u32 = 1 << 8;
/// 8000_0008H:EBX: WBNOINVD.
const WBNOINVD: u32 = 1 << 9;

/// The answer where the host answers `host`; `caches` are the subleaves of leaf 4 on hosts of another maker.
pub(super) fn answer(leaf: u32, subleaf: u32, host: Registers, caches: &[Registers]) -> Registers {
    let foreign = !caches.is_empty();
    match leaf {
        0 => {
            let [ebx, edx, ecx] = words(VENDOR, 0);
            Registers { ebx, ecx, edx, ..host }
        }
        1 => Registers { eax: signature(), ..host },
        2 if foreign => CACHES_IN_LEAF_4,
        4 if foreign => {
            usize::try_from(subleaf).ok().and_then(|at| caches.get(at)).copied().unwrap_or_default()
        }
        0x8000_0002..=0x8000_0004 => brand(leaf - 0x8000_0002),
        0x8000_0000.. if foreign => extended(leaf, host),
        _ => host,
    }
}

/// Whether the answers for a leaf can differ from the host's.
pub(super) fn amends(leaf: u32, caches: &[Registers]) -> bool {
    let foreign = !caches.is_empty();
    match leaf {
        0 | 1 | 0x8000_0002..=0x8000_0004 => true,
        2 | 4 | 0x8000_0000.. => foreign,
        _ => false,
    }
}

/// Extended leaves of a host of another maker.
fn extended(leaf: u32, host: Registers) -> Registers {
    match leaf {
        0x8000_0000 => Registers { eax: LAST_EXTENDED, ..Registers::default() },
        0x8000_0001 => {
            Registers { eax: 0, ebx: 0, ecx: host.ecx & EXTENDED_ECX, edx: host.edx & EXTENDED_EDX }
        }
        0x8000_0006 => Registers { ecx: host.ecx, ..Registers::default() },
        0x8000_0007 => Registers { edx: host.edx & INVARIANT_TSC, ..Registers::default() },
        0x8000_0008 => Registers { eax: host.eax & 0xffff, ebx: host.ebx & WBNOINVD, ecx: 0, edx: 0 },
        _ => Registers::default(),
    }
}

/// Leaf 1, EAX. Family 6 has its model in two parts.
const fn signature() -> u32 {
    (MODEL >> 4) << 16 | FAMILY << 8 | (MODEL & 0xf) << 4 | STEPPING
}

fn brand(part: u32) -> Registers {
    let at = usize::try_from(part).unwrap_or_default() * 16;
    let [eax, ebx, ecx] = words(BRAND, at);
    let [edx, _, _] = words(BRAND, at + 12);
    Registers { eax, ebx, ecx, edx }
}

/// Three words of a text from a byte on, zeroes behind its end.
fn words(text: &str, at: usize) -> [u32; 3] {
    let byte = |at: usize| text.as_bytes().get(at).copied().unwrap_or(0);
    [0, 4, 8].map(|word| u32::from_le_bytes([0, 1, 2, 3].map(|offset| byte(at + word + offset))))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOISE: Registers = Registers { eax: !0, ebx: !0, ecx: !0, edx: !0 };

    fn on_others(leaf: u32, subleaf: u32) -> Registers {
        let caches = [Registers { eax: 1, ebx: 2, ecx: 3, edx: 4 }, Registers::default()];
        answer(leaf, subleaf, NOISE, &caches)
    }

    #[test]
    fn the_vendor_is_intel() {
        let Registers { eax, ebx, ecx, edx } = on_others(0, 0);
        assert_eq!(eax, !0);
        let name: Vec<u8> = [ebx, edx, ecx].into_iter().flat_map(u32::to_le_bytes).collect();
        assert_eq!(name, b"GenuineIntel");
    }

    #[test]
    fn the_signature_is_that_of_an_ice_lake_server() {
        assert_eq!(on_others(1, 0), Registers { eax: 0x606a6, ..NOISE });
    }

    #[test]
    fn the_brand_string_has_three_leaves() {
        let text: Vec<u8> = (0x8000_0002..=0x8000_0004)
            .map(|leaf| on_others(leaf, 0))
            .flat_map(|registers| [registers.eax, registers.ebx, registers.ecx, registers.edx])
            .flat_map(u32::to_le_bytes)
            .collect();
        assert_eq!(text.len(), 48);
        assert!(text.starts_with(BRAND.as_bytes()) && text[BRAND.len()..].iter().all(|byte| *byte == 0));
    }

    #[test]
    fn caches_are_where_intels_software_looks() {
        assert_eq!(on_others(2, 0).eax & 0xff, 1);
        assert_eq!(on_others(4, 0), Registers { eax: 1, ebx: 2, ecx: 3, edx: 4 });
        assert_eq!(on_others(4, 1), Registers::default());
        assert_eq!(on_others(4, 99), Registers::default());
        assert_eq!(answer(4, 0, NOISE, &[]), NOISE);
        assert_eq!(answer(2, 0, NOISE, &[]), NOISE);
    }

    #[test]
    fn the_other_makers_leaves_and_bits_are_gone() {
        assert_eq!(on_others(0x8000_0000, 0).eax, 0x8000_0008);
        assert_eq!(on_others(0x8000_0001, 0), Registers { eax: 0, ebx: 0, ecx: 0x121, edx: 0x2c10_0800 });
        for leaf in [0x8000_0005, 0x8000_000a, 0x8000_001d, 0x8000_001f] {
            assert_eq!(on_others(leaf, 0), Registers::default());
        }
        assert_eq!(answer(0x8000_0001, 0, NOISE, &[]), NOISE);
    }

    #[test]
    fn all_else_is_the_hosts() {
        for leaf in [3, 6, 7, 0xb, 0xd, 0x10, 0x4000_0000] {
            assert_eq!(on_others(leaf, 0), NOISE, "{leaf:x}");
        }
    }
}

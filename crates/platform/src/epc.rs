//! How much EPC there is, and on which nodes.

use std::fmt;
use std::str::FromStr;

use anyclave_arch::PAGE_SIZE;
use anyclave_cpu::Section;

/// Where the first section begins: above any memory of the host that matters.
const FIRST_BASE: u64 = 0x80_0000_0000;
/// Sections begin at multiples of this.
const BASE_ALIGNMENT: u64 = 1 << 30;
/// CPUID has room for addresses below 2^52.
const END_OF_PHYSICAL: u64 = 1 << 52;
/// Linux looks at no more sections.
const MAX_SECTIONS: usize = 8;
/// Linux has no more nodes.
const MAX_NODES: u32 = 1024;

const DEFAULT_SIZE: u64 = 256 << 20;

/// One EPC section.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EpcSection {
    /// Bytes: a multiple of 4 KiB, not zero.
    pub size: u64,
    /// NUMA node.
    pub node: u32,
}

/// The EPC sections of a machine: one to eight. Its text form is `64M` or `64M@node0,64M@node1`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EpcLayout(Vec<EpcSection>);

/// Why a text is not a size.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SizeError {
    /// No digits, or something else beside digits and one suffix.
    #[error("'{0}' is not a size: a number with the suffix K, M, G or T is expected, such as 64M")]
    Malformed(String),
    /// 2^64 bytes or more.
    #[error("the size '{0}' is too large")]
    TooLarge(String),
    /// Not a multiple of a page.
    #[error("the size '{0}' is not a multiple of 4K")]
    NotPages(String),
    /// Nothing.
    #[error("the size is zero")]
    Zero,
}

/// Why a text is not an EPC layout.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LayoutError {
    /// A section's size.
    #[error(transparent)]
    Size(#[from] SizeError),
    /// What follows `@`.
    #[error("'{0}' is not a node: node0 to node1023 are")]
    Node(String),
    /// More than eight sections.
    #[error("{0} EPC sections are too many: Linux looks at 8")]
    TooMany(usize),
    /// The sections do not fit below 2^52.
    #[error("the EPC does not fit into 52 bits of physical address")]
    NoRoom,
}

/// Reads a size: a number with K, M, G or T behind it, binary; a multiple of 4 KiB.
///
/// # Errors
/// See [`SizeError`].
pub fn parse_size(text: &str) -> Result<u64, SizeError> {
    let malformed = || SizeError::Malformed(text.to_owned());
    let (digits, shift) = match text.char_indices().last() {
        Some((at, 'K' | 'k')) => (&text[..at], 10),
        Some((at, 'M' | 'm')) => (&text[..at], 20),
        Some((at, 'G' | 'g')) => (&text[..at], 30),
        Some((at, 'T' | 't')) => (&text[..at], 40),
        _ => (text, 0),
    };
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(malformed());
    }
    let size = digits.parse::<u64>().ok().and_then(|number| number.checked_mul(1 << shift));
    match size.ok_or_else(|| SizeError::TooLarge(text.to_owned()))? {
        0 => Err(SizeError::Zero),
        size if !size.is_multiple_of(PAGE_SIZE) => Err(SizeError::NotPages(text.to_owned())),
        size => Ok(size),
    }
}

impl EpcLayout {
    /// The sections.
    #[must_use]
    pub fn sections(&self) -> &[EpcSection] {
        &self.0
    }

    /// Bytes of all sections.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.0.iter().map(|section| section.size).sum()
    }

    /// Bytes of the sections on a NUMA node. None where there are none.
    #[must_use]
    pub fn on_node(&self, node: u32) -> Option<u64> {
        let sizes: Vec<u64> =
            self.0.iter().filter(|section| section.node == node).map(|section| section.size).collect();
        (!sizes.is_empty()).then(|| sizes.iter().sum())
    }

    /// The sections with their physical addresses.
    #[must_use]
    pub(crate) fn placed(&self) -> Vec<Section> {
        let mut base = FIRST_BASE;
        let place = |section: &EpcSection| {
            let placed = Section { base, size: section.size };
            base = (base + section.size).next_multiple_of(BASE_ALIGNMENT);
            placed
        };
        self.0.iter().map(place).collect()
    }
}

/// One section of 256 MiB on node 0.
impl Default for EpcLayout {
    fn default() -> Self {
        Self(vec![EpcSection { size: DEFAULT_SIZE, node: 0 }])
    }
}

impl FromStr for EpcLayout {
    type Err = LayoutError;

    fn from_str(text: &str) -> Result<Self, LayoutError> {
        let sections = text.split(',').map(parse_section).collect::<Result<Vec<_>, _>>()?;
        if sections.len() > MAX_SECTIONS {
            return Err(LayoutError::TooMany(sections.len()));
        }
        let room = sections.iter().try_fold(FIRST_BASE, |base, section| {
            base.checked_add(section.size)?
                .checked_next_multiple_of(BASE_ALIGNMENT)
                .filter(|end| *end <= END_OF_PHYSICAL)
        });
        room.map(|_end| Self(sections)).ok_or(LayoutError::NoRoom)
    }
}

fn parse_section(text: &str) -> Result<EpcSection, LayoutError> {
    let Some((size, node)) = text.split_once('@') else {
        return Ok(EpcSection { size: parse_size(text)?, node: 0 });
    };
    let number = node
        .strip_prefix("node")
        .filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))
        .and_then(|digits| digits.parse().ok())
        .filter(|number| *number < MAX_NODES)
        .ok_or_else(|| LayoutError::Node(node.to_owned()))?;
    Ok(EpcSection { size: parse_size(size)?, node: number })
}

impl fmt::Display for EpcLayout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, EpcSection { size, node }) in self.0.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            let (number, suffix) = match size.trailing_zeros() {
                40.. => (size >> 40, 'T'),
                30.. => (size >> 30, 'G'),
                20.. => (size >> 20, 'M'),
                _ => (size >> 10, 'K'),
            };
            write!(f, "{comma}{number}{suffix}")?;
            if self.0.len() > 1 || *node != 0 {
                write!(f, "@node{node}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn sizes_are_binary() {
        assert_eq!(parse_size("4K"), Ok(4096));
        assert_eq!(parse_size("64M"), Ok(64 << 20));
        assert_eq!(parse_size("1g"), Ok(1 << 30));
        assert_eq!(parse_size("2T"), Ok(2 << 40));
        assert_eq!(parse_size("8192"), Ok(8192));
    }

    #[test]
    fn wrong_sizes_say_what_is_wrong() {
        for text in ["", "M", "-4K", "+4K", "4KB", "0x1000", "4 K", "64M ", "४K", "4é"] {
            assert_eq!(parse_size(text), Err(SizeError::Malformed(text.into())), "{text}");
        }
        assert_eq!(parse_size("0"), Err(SizeError::Zero));
        assert_eq!(parse_size("0G"), Err(SizeError::Zero));
        assert_eq!(parse_size("5K"), Err(SizeError::NotPages("5K".into())));
        assert_eq!(parse_size("99999999999T"), Err(SizeError::TooLarge("99999999999T".into())));
        assert_eq!(
            parse_size("18446744073709551616"),
            Err(SizeError::TooLarge("18446744073709551616".into()))
        );
    }

    #[test]
    fn a_node_has_the_bytes_of_its_sections() {
        let layout: EpcLayout = "64M@node0,32M@node2,4K@node0".parse().unwrap();
        assert_eq!([0, 1, 2].map(|node| layout.on_node(node)), [Some(0x400_1000), None, Some(32 << 20)]);
    }

    #[test]
    fn sections_have_nodes_and_places() {
        let layout: EpcLayout = "64M@node0,32M@node1".parse().unwrap();
        assert_eq!(layout.total(), 96 << 20);
        assert_eq!(
            layout.placed(),
            [
                Section { base: 0x80_0000_0000, size: 64 << 20 },
                Section { base: 0x80_4000_0000, size: 32 << 20 },
            ]
        );
        assert_eq!(layout.sections()[1].node, 1);
    }

    #[test]
    fn wrong_layouts_say_what_is_wrong() {
        let parse = EpcLayout::from_str;
        assert_eq!(parse("64M@1"), Err(LayoutError::Node("1".into())));
        assert_eq!(parse("64M@node"), Err(LayoutError::Node("node".into())));
        assert_eq!(parse("64M@node+1"), Err(LayoutError::Node("node+1".into())));
        assert_eq!(parse("64M@node1024"), Err(LayoutError::Node("node1024".into())));
        assert_eq!(parse("4K,4K,4K,4K,4K,4K,4K,4K,4K"), Err(LayoutError::TooMany(9)));
        assert_eq!(parse("4096T"), Err(LayoutError::NoRoom));
        assert_eq!(parse("64M,"), Err(SizeError::Malformed(String::new()).into()));
    }

    proptest! {
        #[test]
        fn a_layout_survives_its_text(sizes in prop::collection::vec((1_u64..1 << 20, 0_u32..1024), 1..=8)) {
            let sections = sizes.into_iter().map(|(pages, node)| EpcSection { size: pages * 4096, node });
            let layout = EpcLayout(sections.collect());
            prop_assert_eq!(layout.to_string().parse(), Ok(layout));
        }

        #[test]
        fn no_text_panics(text in ".{0,24}") {
            let _ = EpcLayout::from_str(&text);
        }
    }
}

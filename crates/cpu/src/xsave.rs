//! The XSAVE area in its standard (not compacted) form.

/// Bytes of the legacy region and the header.
pub const LEGACY_AND_HEADER: usize = 576;
/// Offset of XSTATE_BV.
pub const XSTATE_BV: usize = 512;

/// Where XSAVE puts each state component: CPUID.0DH.n:EBX and EAX for n ≥ 2.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct XsaveLayout {
    /// Offset and size of component n at index n; zero where the component is absent.
    components: Vec<(u32, u32)>,
}

impl XsaveLayout {
    /// A layout from offset and size of the components 0, 1, 2…; 0 and 1 are ignored.
    #[must_use]
    pub fn new(components: Vec<(u32, u32)>) -> Self {
        Self { components }
    }

    /// The layout that all processors with AVX share.
    #[must_use]
    pub fn avx() -> Self {
        Self::new(vec![(0, 0), (0, 0), (576, 256)])
    }

    /// Offset and size of a component beyond SSE.
    #[must_use]
    pub fn component(&self, index: usize) -> Option<(usize, usize)> {
        let (offset, size) = *self.components.get(index)?;
        if index < 2 || size == 0 {
            return None;
        }
        Some((usize::try_from(offset).ok()?, usize::try_from(size).ok()?))
    }

    /// Bytes that XSAVE needs for the components of `xfrm`.
    #[must_use]
    pub fn size(&self, xfrm: u64) -> usize {
        (2..63)
            .filter(|index| xfrm >> index & 1 == 1)
            .filter_map(|index| self.component(index))
            .map(|(offset, size)| offset + size)
            .fold(LEGACY_AND_HEADER, usize::max)
    }
}

/// An XSAVE image. Empty where it was not fetched.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct XsaveArea(pub Vec<u8>);

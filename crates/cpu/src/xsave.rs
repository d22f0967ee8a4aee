//! The XSAVE area in its standard (not compacted) form: how an image of a thread's registers and the XSAVE
//! area of an SSA frame exchange state components.
//!
//! The image of a thread ([`XsaveArea`]) is what `PTRACE_GETREGSET(NT_X86_XSTATE)` gives: all components of
//! XCR0 in standard form. XFRM divides it. Components in XFRM move between image and SSA frame or become
//! initial; components outside XFRM stay in the image as they are, like registers that the enclave cannot
//! reach. A component whose XSTATE_BV bit is clear is in its initial state, whatever its bytes say.

/// Bytes of the legacy region and the header.
pub const LEGACY_AND_HEADER: usize = 576;
/// Offset of XSTATE_BV.
pub const XSTATE_BV: usize = 512;

/// Bytes of the legacy region that XSAVE reads and writes; the rest belongs to software. In an image from
/// Linux that rest holds XCR0, which must not reach an enclave.
const LEGACY_USED: usize = 416;
/// XSTATE_BV, XCOMP_BV and the eight bytes that XRSTOR wants to be zero.
const HEADER_CHECKED: usize = 24;

const X87: u64 = 1 << 0;
const SSE: u64 = 1 << 1;

/// FCW after FNINIT.
const FCW_INIT: u16 = 0x37f;
/// MXCSR after reset.
const MXCSR_INIT: u32 = 0x1f80;
/// Bits of MXCSR that may be set.
pub const MXCSR_DEFINED: u32 = 0xffff;

const FCW: usize = 0;
const FSW: usize = 2;
const MXCSR: usize = 24;
const XMM: usize = 160;

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
        self.extended(xfrm).map(|(_, offset, size)| offset + size).fold(LEGACY_AND_HEADER, usize::max)
    }

    /// XSTATE_BV bit, offset and size of each component of `xfrm` beyond SSE.
    fn extended(&self, xfrm: u64) -> impl Iterator<Item = (u64, usize, usize)> {
        (2..63)
            .filter(move |index| xfrm >> index & 1 == 1)
            .filter_map(|index| self.component(index).map(|(offset, size)| (1 << index, offset, size)))
    }
}

/// An XSAVE image. Empty where it was not fetched; it then reads as all components initial.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct XsaveArea(pub Vec<u8>);

impl XsaveArea {
    /// The components that are not in their initial state.
    #[must_use]
    pub fn xstate_bv(&self) -> u64 {
        self.get(XSTATE_BV).map_or(0, u64::from_le_bytes)
    }

    /// MXCSR.
    #[must_use]
    pub fn mxcsr(&self) -> u32 {
        self.get(MXCSR).map_or(MXCSR_INIT, u32::from_le_bytes)
    }

    /// XSAVE of the components of `xfrm` as an asynchronous exit does it. `write` takes offset and bytes of
    /// each piece; bytes that XSAVE leaves alone are in none.
    pub(crate) fn save(&self, layout: &XsaveLayout, xfrm: u64, mut write: impl FnMut(usize, &[u8])) {
        let in_use = self.xstate_bv() & xfrm;
        let mut saved = 0;
        let mut legacy = initial_legacy();
        if in_use & X87 != 0 && self.copy(&mut legacy, 0..MXCSR) && self.copy(&mut legacy, 32..XMM) {
            saved |= X87;
        }
        // MXCSR and its mask: wherever the image has them they are right, in use or not.
        self.copy(&mut legacy, MXCSR..32);
        if in_use & SSE != 0 && self.copy(&mut legacy, XMM..LEGACY_USED) {
            saved |= SSE;
        }
        if self.mxcsr() != MXCSR_INIT {
            saved |= SSE;
        }
        write(0, &legacy);
        for (bit, offset, size) in layout.extended(xfrm) {
            match self.0.get(offset..offset + size).filter(|_| in_use & bit != 0) {
                Some(bytes) => {
                    saved |= bit;
                    write(offset, bytes);
                }
                // the initial state of every component beyond SSE is zero
                None => write(offset, &vec![0; size]),
            }
        }
        let mut header = [0; HEADER_CHECKED];
        put(&mut header, 0, &saved.to_le_bytes());
        write(XSTATE_BV, &header);
    }

    /// XRSTOR of the components of `xfrm`; `read` gives the bytes of components beyond SSE.
    pub(crate) fn load(
        &mut self,
        layout: &XsaveLayout,
        xfrm: u64,
        saved: &SavedHeader,
        mut read: impl FnMut(usize, &mut [u8]),
    ) {
        self.fit(layout, xfrm);
        let initial = initial_legacy();
        let x87 = if saved.xstate_bv & X87 == 0 { &initial } else { &saved.legacy };
        let sse = if saved.xstate_bv & SSE == 0 { &initial } else { &saved.legacy };
        put(&mut self.0, 0, &x87[..MXCSR]);
        put(&mut self.0, 32, &x87[32..XMM]);
        put(&mut self.0, XMM, &sse[XMM..]);
        put(&mut self.0, MXCSR, &saved.mxcsr().to_le_bytes());
        for (bit, offset, size) in layout.extended(xfrm) {
            if let Some(bytes) = self.0.get_mut(offset..offset + size) {
                if saved.xstate_bv & bit == 0 {
                    bytes.fill(0);
                } else {
                    read(offset, bytes);
                }
            }
        }
        self.set_xstate_bv(xfrm, saved.xstate_bv);
    }

    /// The synthetic state after an asynchronous exit: the components of `xfrm` initial but for FCW, FSW and
    /// MXCSR.
    pub(crate) fn reset(&mut self, layout: &XsaveLayout, xfrm: u64, after: Synthetic) {
        self.fit(layout, xfrm);
        let initial = initial_legacy();
        put(&mut self.0, 0, &initial[..MXCSR]);
        put(&mut self.0, 32, &initial[32..]);
        put(&mut self.0, FCW, &after.fcw.to_le_bytes());
        put(&mut self.0, FSW, &after.fsw.to_le_bytes());
        put(&mut self.0, MXCSR, &after.mxcsr.to_le_bytes());
        for (_, offset, size) in layout.extended(xfrm) {
            if let Some(bytes) = self.0.get_mut(offset..offset + size) {
                bytes.fill(0);
            }
        }
        let x87 = if (after.fcw, after.fsw) == (FCW_INIT, 0) { 0 } else { X87 };
        self.set_xstate_bv(xfrm, x87);
    }

    /// Makes room for `xfrm` in an image that was not fetched.
    fn fit(&mut self, layout: &XsaveLayout, xfrm: u64) {
        let size = layout.size(xfrm);
        if self.0.len() < size {
            self.0.resize(size, 0);
        }
    }

    /// Sets XSTATE_BV for the components of `xfrm`. MXCSR counts as SSE state: its loader looks at it only
    /// where a bit says that there is some.
    fn set_xstate_bv(&mut self, xfrm: u64, value: u64) {
        let sse = if self.mxcsr() == MXCSR_INIT { 0 } else { SSE };
        let value = self.xstate_bv() & !xfrm | value & xfrm | sse;
        put(&mut self.0, XSTATE_BV, &value.to_le_bytes());
    }

    fn get<const N: usize>(&self, offset: usize) -> Option<[u8; N]> {
        self.0.get(offset..offset + N)?.try_into().ok()
    }

    /// Copies a range of the image to the same place in `into`; false if the image is too short.
    fn copy(&self, into: &mut [u8], range: core::ops::Range<usize>) -> bool {
        self.0.get(range.clone()).map(|bytes| put(into, range.start, bytes)).is_some()
    }
}

/// The first 536 bytes of an XSAVE area as far as XRSTOR looks at them, copied once out of memory that the
/// enclave's other threads may write.
pub(crate) struct SavedHeader {
    legacy: [u8; LEGACY_USED],
    /// Components in use.
    pub(crate) xstate_bv: u64,
    /// Bytes 8 to 23 of the header: XCOMP_BV and reserved.
    pub(crate) reserved: [u8; 16],
}

impl SavedHeader {
    /// Reads it, with a function from offset to bytes.
    pub(crate) fn read(mut read: impl FnMut(usize, &mut [u8])) -> Self {
        let mut saved = Self { legacy: [0; LEGACY_USED], xstate_bv: 0, reserved: [0; 16] };
        let mut header = [0; HEADER_CHECKED];
        read(0, &mut saved.legacy);
        read(XSTATE_BV, &mut header);
        let [low, reserved @ ..] = header.as_chunks::<8>().0 else { return saved };
        saved.xstate_bv = u64::from_le_bytes(*low);
        saved.reserved.copy_from_slice(reserved.as_flattened());
        saved
    }

    /// MXCSR, which XRSTOR loads whether SSE is in use or not.
    pub(crate) fn mxcsr(&self) -> u32 {
        let mut mxcsr = [0; 4];
        mxcsr.copy_from_slice(&self.legacy[MXCSR..MXCSR + 4]);
        u32::from_le_bytes(mxcsr)
    }
}

/// What an asynchronous exit leaves in the x87 and SSE control registers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Synthetic {
    pub(crate) fcw: u16,
    pub(crate) fsw: u16,
    pub(crate) mxcsr: u32,
}

/// x87 and SSE after a reset.
fn initial_legacy() -> [u8; LEGACY_USED] {
    let mut legacy = [0; LEGACY_USED];
    put(&mut legacy, FCW, &FCW_INIT.to_le_bytes());
    put(&mut legacy, MXCSR, &MXCSR_INIT.to_le_bytes());
    put(&mut legacy, MXCSR + 4, &MXCSR_DEFINED.to_le_bytes());
    legacy
}

/// Copies `bytes` to `offset`, where there is room for them.
fn put(into: &mut [u8], offset: usize, bytes: &[u8]) {
    if let Some(place) = into.get_mut(offset..offset + bytes.len()) {
        place.copy_from_slice(bytes);
    }
}

#[cfg(test)]
mod tests;

use super::*;

/// AVX, and a component behind a gap, as AVX-512 lies behind the place of MPX.
fn layout() -> XsaveLayout {
    let mut components = vec![(0, 0); 6];
    components[2] = (576, 256);
    components[5] = (1088, 64);
    XsaveLayout::new(components)
}

/// An image with all bytes set and these components in use.
fn image(bv: u64, mxcsr: u32) -> XsaveArea {
    let mut bytes = vec![0xee; 1152];
    bytes[24..28].copy_from_slice(&mxcsr.to_le_bytes());
    bytes[512..576].fill(0);
    bytes[512..520].copy_from_slice(&bv.to_le_bytes());
    XsaveArea(bytes)
}

/// A saved area over a background of 33H.
fn saved(image: &XsaveArea, xfrm: u64) -> Vec<u8> {
    let mut area = vec![0x33; 1152];
    image.save(&layout(), xfrm, |offset, bytes| area[offset..offset + bytes.len()].copy_from_slice(bytes));
    area
}

#[test]
fn size_is_the_furthest_end_of_the_components() {
    assert_eq!(layout().size(3), 576);
    assert_eq!(layout().size(7), 832);
    assert_eq!(layout().size(0x23), 1152);
    assert_eq!(layout().size(3 | 1 << 40), 576, "a component that does not exist");
    assert_eq!(XsaveLayout::avx().size(7), 832);
}

#[test]
fn save_writes_the_components_and_nothing_between_them() {
    let area = saved(&image(0x27, 0x1fa0), 0x27);
    assert_eq!(area[..24], [0xee; 24]);
    assert_eq!(area[32..416], [0xee; 384]);
    assert_eq!(area[416..512], [0x33; 96]);
    assert_eq!((area[512], &area[513..536]), (0x27, &[0; 23][..]));
    assert_eq!(area[536..576], [0x33; 40]);
    assert_eq!(area[576..832], [0xee; 256]);
    assert_eq!(area[832..1088], [0x33; 256]);
    assert_eq!(area[1088..], [0xee; 64]);
}

#[test]
fn save_leaves_out_what_xfrm_leaves_out() {
    let area = saved(&image(0x27, 0x1fa0), 3);
    assert_eq!(area[512], 3);
    assert_eq!(area[576..], [0x33; 576]);
}

#[test]
fn save_writes_initial_components_as_such() {
    let area = saved(&image(0, 0x1f80), 0x27);
    assert_eq!(area[..4], [0x7f, 3, 0, 0]);
    assert_eq!(area[4..24], [0; 20]);
    assert_eq!(area[24..28], 0x1f80_u32.to_le_bytes());
    assert_eq!(area[32..416], [0; 384]);
    assert_eq!(area[512..520], [0; 8]);
    assert_eq!(area[576..832], [0; 256]);
    assert_eq!(area[1088..], [0; 64]);
}

#[test]
fn mxcsr_is_saved_though_only_avx_is_in_use() {
    let area = saved(&image(4, 0x1fa0), 7);
    assert_eq!(area[24..28], 0x1fa0_u32.to_le_bytes());
    assert_eq!(area[512], 6);
}

#[test]
fn an_image_that_was_not_fetched_or_is_cut_short_counts_as_initial() {
    let area = saved(&XsaveArea::default(), 7);
    assert_eq!((area[512], &area[24..28]), (0, &0x1f80_u32.to_le_bytes()[..]));
    let mut short = image(0x27, 0x1fa0);
    short.0.truncate(700);
    assert_eq!(saved(&short, 0x27)[512], 3);
}

/// Loads a saved area into an image.
fn load(image: &mut XsaveArea, xfrm: u64, area: &[u8]) {
    let read = |offset: usize, into: &mut [u8]| into.copy_from_slice(&area[offset..offset + into.len()]);
    image.load(&layout(), xfrm, &SavedHeader::read(read), read);
}

#[test]
fn load_takes_the_components_of_xfrm_and_keeps_the_others() {
    let mut target = image(0x24, 0x1f80);
    target.0[576..].fill(0x44);
    load(&mut target, 3, &saved(&image(3, 0x1fa0), 3));
    assert_eq!(target.xstate_bv(), 0x27);
    assert_eq!(target.mxcsr(), 0x1fa0);
    assert_eq!(target.0[576..], [0x44; 576]);
    assert_eq!(target.0[28..32], [0xee; 4], "MXCSR_MASK is the processor's");
}

#[test]
fn load_takes_mxcsr_though_sse_is_initial() {
    let mut area = saved(&image(7, 0x1fa0), 7);
    area[512] = 0;
    let mut target = image(7, 0x1f80);
    load(&mut target, 7, &area);
    assert_eq!(target.mxcsr(), 0x1fa0);
    assert_eq!(target.0[160..416], [0; 256]);
    assert_eq!(target.xstate_bv(), 2, "or nobody would look at MXCSR");
}

#[test]
fn loading_what_was_saved_gives_the_same_image() {
    for bv in [0, 1, 2, 3, 4, 7, 0x20, 0x27] {
        let image = image(bv | 2, 0x1fa0);
        let mut target = image.clone();
        target.reset(&layout(), 0x27, Synthetic { fcw: 0x37f, fsw: 0, mxcsr: 0x1fb0 });
        assert_eq!(target.xstate_bv(), 2);
        load(&mut target, 0x27, &saved(&image, 0x27));
        assert_eq!(saved(&target, 0x27), saved(&image, 0x27));
        assert_eq!(target.xstate_bv(), image.xstate_bv());
    }
}

#[test]
fn reset_makes_room_in_an_image_that_was_not_fetched() {
    let mut target = XsaveArea::default();
    target.reset(&layout(), 7, Synthetic { fcw: 0x37e, fsw: 0x8081, mxcsr: 0x1f80 });
    assert_eq!(target.0.len(), 832);
    assert_eq!(target.xstate_bv(), 1);
}

#[test]
fn a_saved_header_tells_reserved_bytes() {
    let mut area = saved(&image(7, 0x1fa0), 7);
    area[520] = 1;
    area[535] = 2;
    let header = SavedHeader::read(|offset, into| into.copy_from_slice(&area[offset..offset + into.len()]));
    assert_eq!(header.xstate_bv, 7);
    assert_eq!((header.reserved[0], header.reserved[15]), (1, 2));
    assert_eq!(header.mxcsr(), 0x1fa0);
}

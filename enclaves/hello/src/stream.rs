//! Writes an image as a `.sgxs` stream: the bytes whose SHA-256 is MRENCLAVE.

use anyclave_sign::{CHUNK_BYTES, Image};

/// A record's first part: a tag and fields, zeroes behind them.
fn block(stream: &mut Vec<u8>, tag: &[u8; 8], fields: &[&[u8]]) {
    let end = stream.len() + 64;
    stream.extend(tag);
    for field in fields {
        stream.extend(*field);
    }
    stream.resize(end, 0);
}

/// The stream of `image`.
pub(crate) fn write(image: &Image) -> Vec<u8> {
    let mut stream = Vec::new();
    block(&mut stream, b"ECREATE\0", &[&image.ssaframesize.to_le_bytes(), &image.size.to_le_bytes()]);
    for page in &image.pages {
        let flags = page.secinfo.flags.get();
        block(&mut stream, b"EADD\0\0\0\0", &[&page.offset.to_le_bytes(), &flags.to_le_bytes()]);
        let (chunks, _) = page.data.as_chunks::<CHUNK_BYTES>();
        for (number, chunk) in (0_u32..).zip(chunks) {
            let offset = page.offset + u64::from(number) * CHUNK_BYTES as u64;
            let tag = if page.measured & (1 << number) == 0 { b"UNMEASRD" } else { b"EEXTEND\0" };
            block(&mut stream, tag, &[&offset.to_le_bytes()]);
            stream.extend(chunk);
        }
    }
    stream
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyclave_arch::{PageType, SecInfo, SecInfoFlags};
    use anyclave_sign::{Page, measure_stream};

    #[test]
    fn a_stream_reads_and_measures_as_its_image() {
        let secinfo = SecInfo::new(PageType::Reg, SecInfoFlags::R);
        let page = |offset, fill, measured| Page { offset, secinfo, data: Box::new([fill; 4096]), measured };
        let pages = vec![page(0, 1, !0), page(0x2000, 2, 0), page(0x3000, 3, 0x8001)];
        let image = Image { ssaframesize: 1, size: 0x4000, pages };
        let stream = write(&image);
        assert_eq!(Image::parse(&stream).unwrap().pages, image.pages);
        assert_eq!(measure_stream(&stream), Ok(image.mrenclave()));
    }
}

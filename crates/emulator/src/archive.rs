//! A zip whose content is made while it is sent.

use axum::body::Bytes;
use crc32fast::Hasher;

/// The period of a file's content. A prime, so that content from a wrong place shows.
const PERIOD: usize = 65_521;

/// Offsets and sizes have 32 bits.
const LIMIT: u64 = u32::MAX as u64;

/// A zip of stored files. Only one period of their content is in memory.
#[derive(Debug)]
pub(crate) struct Archive {
    /// The pieces in their order, each with the offset at which it begins.
    pieces: Vec<(u64, ArchivePart)>,
    period: Bytes,
    length: u64,
}

#[derive(Debug)]
enum ArchivePart {
    Record(Bytes),
    Content,
}

impl Archive {
    /// A zip of files with these names, each with `file_bytes` bytes that depend on `seed`. A name that ends with a
    /// slash is a directory. `None` if the zip would take 4 GiB or more.
    pub(crate) fn new(names: &[Vec<u8>], file_bytes: u64, seed: u64) -> Option<Self> {
        let period = period(seed);
        let crc = crc(&period, file_bytes);
        let mut archive = Self { pieces: Vec::new(), period: Bytes::from(period), length: 0 };
        let mut directory = Vec::new();
        for name in names {
            let (size, crc) = if name.ends_with(b"/") { (0, 0) } else { (file_bytes, crc) };
            let offset = u32::try_from(archive.length).ok()?;
            let common = header_fields(name, u32::try_from(size).ok()?, crc)?;
            archive.push(ArchivePart::Record([b"PK\x03\x04", &common[..], name].concat().into()), None);
            archive.push(ArchivePart::Content, Some(size));
            // The fields are: made by version 2.0, no comment, first disk, no attributes.
            directory.extend([b"PK\x01\x02\x14\x00", &common[..], &[0; 10]].concat());
            directory.extend(offset.to_le_bytes());
            directory.extend(name);
        }
        let start = u32::try_from(archive.length).ok()?;
        let (count, size) = (u16::try_from(names.len()).ok()?, u32::try_from(directory.len()).ok()?);
        directory.extend(b"PK\x05\x06\0\0\0\0");
        directory.extend([count.to_le_bytes(), count.to_le_bytes()].concat());
        directory.extend([size.to_le_bytes(), start.to_le_bytes()].concat());
        directory.extend([0; 2]);
        archive.push(ArchivePart::Record(directory.into()), None);
        (archive.length < LIMIT).then_some(archive)
    }

    pub(crate) fn length(&self) -> u64 {
        self.length
    }

    /// Returns some of the bytes from `offset` on, before `end`; none at the end.
    pub(crate) fn read(&self, offset: u64, end: u64) -> Bytes {
        if offset >= end.min(self.length) {
            return Bytes::new();
        }
        let next = self.pieces.partition_point(|(start, _)| *start <= offset);
        let Some((start, piece)) = next.checked_sub(1).and_then(|last| self.pieces.get(last)) else {
            return Bytes::new();
        };
        let piece_end = self.pieces.get(next).map_or(self.length, |(start, _)| *start);
        let (source, place) = match piece {
            ArchivePart::Record(record) => (record, to_usize(offset - start)),
            ArchivePart::Content => (&self.period, to_usize((offset - start) % PERIOD as u64)),
        };
        let left = to_usize(end.min(piece_end).saturating_sub(offset));
        source.slice(place..source.len().min(place.saturating_add(left)))
    }

    fn push(&mut self, piece: ArchivePart, size: Option<u64>) {
        let size = match &piece {
            ArchivePart::Record(record) => record.len() as u64,
            ArchivePart::Content => size.unwrap_or_default(),
        };
        // If pieces begin at the same offset, all but the last one are empty.
        self.pieces.push((self.length, piece));
        self.length += size;
    }
}

/// A number of bytes that is less than 4 GiB.
fn to_usize(bytes: u64) -> usize {
    usize::try_from(bytes).unwrap_or(usize::MAX)
}

/// The fields that a local and a central header share: version 2.0, stored, and the first date of the format.
fn header_fields(name: &[u8], size: u32, crc: u32) -> Option<Vec<u8>> {
    const UTF_8: u16 = 1 << 11;
    let flags = if str::from_utf8(name).is_ok() { UTF_8 } else { 0 };
    let mut fields = Vec::new();
    for word in [20, flags, 0, 0, 0x21] {
        fields.extend(u16::to_le_bytes(word));
    }
    for word in [crc, size, size] {
        fields.extend(word.to_le_bytes());
    }
    for word in [u16::try_from(name.len()).ok()?, 0] {
        fields.extend(word.to_le_bytes());
    }
    Some(fields)
}

/// One period of content, from Marsaglia's generator xorshift64.
fn period(seed: u64) -> Vec<u8> {
    let mut state = seed ^ 0x9e37_79b9_7f4a_7c15;
    let words = std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    });
    words.flatten().take(PERIOD).collect()
}

/// The CRC of this number of bytes of repeated periods, computed without a pass over them.
fn crc(period: &[u8], bytes: u64) -> u32 {
    let (mut periods, rest) = (bytes / PERIOD as u64, to_usize(bytes % PERIOD as u64));
    let hashed = |bytes: &[u8]| {
        let mut hasher = Hasher::new();
        hasher.update(bytes);
        hasher
    };
    let (mut all, mut power) = (Hasher::new(), hashed(period));
    while periods > 0 {
        if periods % 2 == 1 {
            all.combine(&power);
        }
        power.combine(&power.clone());
        periods /= 2;
    }
    all.combine(&hashed(&period[..rest]));
    all.finalize()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn content(archive: &Archive) -> Vec<u8> {
        let mut content = Vec::new();
        loop {
            let read = archive.read(content.len() as u64, archive.length());
            if read.is_empty() {
                return content;
            }
            content.extend(read);
        }
    }

    #[test]
    fn any_part_is_that_part_of_the_whole() {
        let names = [b"a".to_vec(), b"dir/".to_vec(), b"dir/b".to_vec()];
        let archive = Archive::new(&names, 100_000, 1).unwrap();
        let whole = content(&archive);
        assert_eq!(whole.len() as u64, archive.length());
        for offset in (0..whole.len()).step_by(97) {
            let part = archive.read(offset as u64, offset as u64 + 50);
            assert!(!part.is_empty() && whole[offset..].starts_with(&part), "{offset}");
        }
    }

    #[test]
    fn a_crc_of_periods_is_that_of_their_bytes() {
        let period = period(7);
        for bytes in [0, 1, PERIOD - 1, PERIOD, PERIOD + 1, 5 * PERIOD + 3] {
            let content: Vec<u8> = period.iter().copied().cycle().take(bytes).collect();
            assert_eq!(crc(&period, bytes as u64), crc32fast::hash(&content), "{bytes}");
        }
    }

    #[test]
    fn a_zip_beyond_the_limit_is_none() {
        let names = vec![b"a".to_vec(); 4];
        assert!(Archive::new(&names, (1 << 30) - 1_000, 1).is_some());
        assert!(Archive::new(&names, 1 << 30, 1).is_none());
        assert!(Archive::new(&names[..1], 1 << 32, 1).is_none());
    }
}

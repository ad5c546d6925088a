//! The hash from which Prometheus derives when a target is scraped and a group evaluated.

use std::hash::Hasher;

use super::Labels;

/// How a Prometheus release lays label sets out in memory, and so what it hashes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HashLayout {
    /// Up to 2.43: every name and value followed by the byte 0xFF.
    Separated,
    /// 2.44 to 3.4: every name and value behind its length as a varint.
    Varint,
    /// 3.5 and later: lengths below 255 in one byte, others as 0xFF and three bytes.
    Prefixed,
}

impl HashLayout {
    /// The layout of a release.
    pub fn of_version(major: u32, minor: u32) -> Self {
        match (major, minor) {
            (0..=1, _) | (2, 0..=43) => Self::Separated,
            (2, _) | (3, 0..=4) => Self::Varint,
            _ => Self::Prefixed,
        }
    }
}

/// xxHash64 with seed 0 over the labels in order of name.
pub fn label_hash(labels: &Labels, layout: HashLayout) -> u64 {
    let mut hasher = twox_hash::XxHash64::with_seed(0);
    for label in labels.iter() {
        for text in [&*label.name, &*label.value] {
            match layout {
                HashLayout::Separated => {
                    hasher.write(text.as_bytes());
                    hasher.write(&[0xFF]);
                }
                HashLayout::Varint | HashLayout::Prefixed => {
                    write_length(&mut hasher, text.len(), layout);
                    hasher.write(text.as_bytes());
                }
            }
        }
    }
    hasher.finish()
}

fn write_length(hasher: &mut impl Hasher, len: usize, layout: HashLayout) {
    if layout == HashLayout::Prefixed {
        match u8::try_from(len) {
            Ok(short) if short < 255 => hasher.write(&[short]),
            _ => hasher.write(&[255, len as u8, (len >> 8) as u8, (len >> 16) as u8]),
        }
        return;
    }
    let mut rest = len;
    while rest >= 0x80 {
        hasher.write(&[(rest & 0x7f) as u8 | 0x80]);
        rest >>= 7;
    }
    hasher.write(&[rest as u8]);
}

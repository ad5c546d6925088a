//! Archives in the form of POSIX `ustar`, packed with gzip: written plainly, read within budgets.

use std::io::{Read, Write as _};

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;

const BLOCK: usize = 512;
/// Bytes that a bundle may unpack to.
const MAX_BYTES: u64 = 192 * 1024 * 1024;
/// Files that a bundle may hold.
const MAX_FILES: usize = 20_000;

/// Packs files; the same files give the same bytes.
pub fn pack(files: &[(String, Vec<u8>)]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    for (name, bytes) in files {
        // Writing to memory does not fail.
        let _ = encoder.write_all(&header(name, bytes.len()));
        let _ = encoder.write_all(bytes);
        let _ = encoder.write_all(&vec![0; bytes.len().next_multiple_of(BLOCK) - bytes.len()]);
    }
    let _ = encoder.write_all(&[0; 2 * BLOCK]);
    encoder.finish().unwrap_or_default()
}

fn header(name: &str, size: usize) -> [u8; BLOCK] {
    let mut block = [0; BLOCK];
    let mut put = |at: usize, bytes: &[u8]| block[at..at + bytes.len()].copy_from_slice(bytes);
    let (prefix, rest) = split(name);
    put(0, rest.as_bytes());
    put(100, b"0000644\0");
    put(108, b"0000000\0");
    put(116, b"0000000\0");
    put(124, format!("{size:011o}\0").as_bytes());
    put(136, b"00000000000\0");
    put(148, b"        ");
    put(156, b"0");
    put(257, b"ustar\x0000");
    put(345, prefix.as_bytes());
    let sum: u32 = block.iter().map(|b| u32::from(*b)).sum();
    block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    block
}

/// A name as the form has room for it: at most 155 bytes, then at most 100.
fn split(name: &str) -> (&str, &str) {
    if name.len() <= 100 {
        return ("", name);
    }
    let slash = name.match_indices('/').map(|(i, _)| i).find(|i| name.len() - i - 1 <= 100);
    match slash {
        Some(at) if at <= 155 => (&name[..at], &name[at + 1..]),
        _ => ("", ""),
    }
}

/// Whether a file of this name can be packed.
pub fn has_room(name: &str) -> bool {
    !name.is_empty() && !split(name).1.is_empty()
}

/// Unpacks the plain files of an archive.
///
/// # Errors
/// It is no archive, it is cut off, or it is larger than a bundle may be; in words.
pub fn unpack(bytes: &[u8]) -> Result<Vec<(String, Vec<u8>)>, String> {
    let mut reader = GzDecoder::new(bytes).take(MAX_BYTES + 1);
    let mut files = Vec::new();
    let mut total = 0;
    loop {
        let mut block = [0; BLOCK];
        fill(&mut reader, &mut block)?;
        if block.iter().all(|b| *b == 0) {
            return Ok(files);
        }
        check(&block)?;
        let size = octal(&block[124..136]).ok_or("a file without a size in it")?;
        total += size + BLOCK as u64;
        if total > MAX_BYTES || files.len() >= MAX_FILES {
            return Err(format!("more than {} MB or {MAX_FILES} files in it", MAX_BYTES / 1024 / 1024));
        }
        let padded = size.next_multiple_of(BLOCK as u64);
        let mut content = Vec::new();
        reader.by_ref().take(padded).read_to_end(&mut content).map_err(|_| damaged())?;
        if content.len() as u64 != padded {
            return Err(damaged());
        }
        content.truncate(usize::try_from(size).map_err(|_| damaged())?);
        // Links, folders and whatever else there may be are nothing of ours.
        if matches!(block[156], b'0' | 0) {
            let prefix = text(&block[345..500]);
            let name = text(&block[..100]);
            files.push((if prefix.is_empty() { name } else { format!("{prefix}/{name}") }, content));
        }
    }
}

fn damaged() -> String {
    "a damaged archive, or none".to_owned()
}

fn fill(reader: &mut impl Read, block: &mut [u8]) -> Result<(), String> {
    reader.read_exact(block).map_err(|_| damaged())
}

fn check(block: &[u8; BLOCK]) -> Result<(), String> {
    let told = octal(&block[148..156]);
    let sum = block.iter().enumerate().map(|(i, b)| if (148..156).contains(&i) { 32 } else { u64::from(*b) }).sum();
    if told == Some(sum) { Ok(()) } else { Err(damaged()) }
}

fn octal(bytes: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(bytes).ok()?.trim_matches(['\0', ' ']);
    u64::from_str_radix(text, 8).ok()
}

fn text(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|b| *b == 0).unwrap_or(bytes.len());
    String::from_utf8_lossy(&bytes[..end]).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_come_back_as_they_were_packed() {
        let long = format!("{}/{}", "a".repeat(120), "b".repeat(90));
        let files = vec![("a.txt".to_owned(), b"hello".to_vec()), (long, vec![7; 1024]), ("e".to_owned(), Vec::new())];
        assert_eq!(unpack(&pack(&files)), Ok(files.clone()));
        assert_eq!(pack(&files), pack(&files));
        assert!(has_room("x/y") && !has_room(&"x".repeat(101)) && !has_room(""));
    }

    #[test]
    fn damaged_and_huge_archives_are_refused() {
        let packed = pack(&[("a".to_owned(), vec![1; 5000])]);
        for bytes in [&b""[..], b"PK\x03\x04 no gzip", &packed[..packed.len() / 2]] {
            assert!(unpack(bytes).is_err());
        }
        let gzip = |blocks: &[u8]| {
            let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
            encoder.write_all(blocks).expect("memory");
            encoder.finish().expect("memory")
        };
        // A size that is not there.
        let claimed = header("a", 150 * 1024 * 1024);
        assert_eq!(unpack(&gzip(&claimed)), Err(damaged()));
        let claimed = header("a", 1 << 32);
        assert!(unpack(&gzip(&claimed)).is_err_and(|e| e.contains("more than 192 MB")));
        // A bomb: much that packs to little.
        let mut bomb = header("a", 10).to_vec();
        bomb.extend(vec![0; BLOCK]);
        assert!(unpack(&gzip(&bomb.repeat(MAX_FILES + 1))).is_err_and(|e| e.contains("files in it")));
        let mut wrong = header("a", 0);
        wrong[0] = b'b';
        assert_eq!(unpack(&gzip(&wrong)), Err(damaged()));
    }
}

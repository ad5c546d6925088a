//! Base64 with padding, in the plain and the URL-safe alphabet.

const PLAIN: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const URL_SAFE: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// Go's `base64.StdEncoding`.
pub fn encode(bytes: &[u8]) -> String {
    encode_with(PLAIN, bytes)
}

/// Go's `base64.URLEncoding`.
pub fn encode_url_safe(bytes: &[u8]) -> String {
    encode_with(URL_SAFE, bytes)
}

fn encode_with(alphabet: &[u8; 64], bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let word = chunk.iter().fold(0u32, |word, b| (word << 8) | u32::from(*b)) << (8 * (3 - chunk.len()));
        for i in 0..4 {
            let digit = alphabet[(word >> (18 - 6 * i)) as usize & 63];
            out.push(if i <= chunk.len() { char::from(digit) } else { '=' });
        }
    }
    out
}

/// Reads the URL-safe alphabet; line breaks are skipped.
///
/// # Errors
/// Go's words, with the place of the first byte that does not fit.
pub fn decode_url_safe(text: &str) -> Result<Vec<u8>, String> {
    let corrupt = |at: usize| Err(format!("illegal base64 data at input byte {at}"));
    let digits: Vec<(usize, u8)> = text.bytes().enumerate().filter(|(_, b)| !matches!(b, b'\r' | b'\n')).collect();
    let mut out = Vec::with_capacity(digits.len() / 4 * 3);
    for (n, group) in digits.chunks(4).enumerate() {
        let mut word = 0u32;
        let mut data = 0;
        for (i, (at, b)) in group.iter().enumerate() {
            match URL_SAFE.iter().position(|c| c == b) {
                Some(value) if data == i => {
                    word |= (value as u32) << (18 - 6 * i);
                    data += 1;
                }
                None if *b == b'=' && i >= 2 => {}
                _ => return corrupt(*at),
            }
        }
        if group.len() < 4 {
            return corrupt(text.len());
        }
        if data < 4 && (n + 1) * 4 < digits.len() {
            return corrupt(digits[(n + 1) * 4].0);
        }
        out.extend_from_slice(&word.to_be_bytes()[1..data]);
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encoding_pads_and_decoding_reverses_it() {
        assert_eq!(encode(b"lab:secret"), "bGFiOnNlY3JldA==");
        assert_eq!(encode_url_safe(&[0xfb, 0xff]), "-_8=");
        for text in ["", "a", "ab", "abc", "abcd"] {
            assert_eq!(decode_url_safe(&encode_url_safe(text.as_bytes())), Ok(text.as_bytes().to_vec()));
        }
    }

    #[test]
    fn what_is_not_base64_is_refused_with_its_place() {
        assert_eq!(decode_url_safe("ab+d"), Err("illegal base64 data at input byte 2".to_owned()));
        assert!(decode_url_safe("abc").is_err());
        assert!(decode_url_safe("YQ==YQ==").is_err());
        assert!(decode_url_safe("=abc").is_err());
    }
}

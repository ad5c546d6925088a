//! Colours as Grafana resolves them, and whether a person would call one red.
//!
//! Order of Grafana's own look-up: palette name, `#` and `rgb` texts, CSS name in any case, then everything else that
//! the tinycolor library reads (`hsl`, `hsv`, hexadecimal with alpha or without `#`). Verdicts are taken in the dark
//! theme, which is Grafana's default.

/// A colour with alpha, each part in 0..=1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rgba {
    /// Red.
    pub r: f64,
    /// Green.
    pub g: f64,
    /// Blue.
    pub b: f64,
    /// Opacity.
    pub a: f64,
}

/// Whether a colour is red.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Redness {
    /// No, or nothing of it can be seen.
    No,
    /// Pink, coral and the like: named or meant as red perhaps.
    Borderline,
    /// Yes.
    Red,
}

/// Opacity below which a line cannot be seen.
const VISIBLE: f64 = 0.2;

/// Grafana's palette in the dark theme.
const PALETTE: [(&str, u32); 32] = [
    ("dark-red", 0xC4162A),
    ("semi-dark-red", 0xE02F44),
    ("red", 0xF2495C),
    ("light-red", 0xFF7383),
    ("super-light-red", 0xFFA6B0),
    ("dark-orange", 0xFA6400),
    ("semi-dark-orange", 0xFF780A),
    ("orange", 0xFF9830),
    ("light-orange", 0xFFB357),
    ("super-light-orange", 0xFFCB7D),
    ("dark-yellow", 0xE0B400),
    ("semi-dark-yellow", 0xF2CC0C),
    ("yellow", 0xFADE2A),
    ("light-yellow", 0xFFEE52),
    ("super-light-yellow", 0xFFF899),
    ("dark-green", 0x37872D),
    ("semi-dark-green", 0x56A64B),
    ("green", 0x73BF69),
    ("light-green", 0x96D98D),
    ("super-light-green", 0xC8F2C2),
    ("dark-blue", 0x1F60C4),
    ("semi-dark-blue", 0x3274D9),
    ("blue", 0x5794F2),
    ("light-blue", 0x8AB8FF),
    ("super-light-blue", 0xC0D8FF),
    ("dark-purple", 0x8F3BB8),
    ("semi-dark-purple", 0xA352CC),
    ("purple", 0xB877D9),
    ("light-purple", 0xCA95E5),
    ("super-light-purple", 0xDEB6F2),
    ("panel-bg", 0x181B1F),
    ("text", 0xCCCCDC),
];

/// The red family of both themes, without the lightest shade that reads as pink.
const RED_HEX: [u32; 5] = [0xFF7383, 0xF2495C, 0xE02F44, 0xC4162A, 0xAD0317];

/// Resolves a colour as the dark theme would; `None` for a text that is no colour (drawn black).
pub fn resolve(text: &str) -> Option<Rgba> {
    if text.is_empty() {
        return Some(hex(0x808080, 1.0));
    }
    if text == "transparent" {
        return Some(hex(0, 0.0));
    }
    if let Some((_, value)) = PALETTE.iter().find(|(name, _)| *name == text) {
        return Some(hex(*value, 1.0));
    }
    let lower = text.trim().to_ascii_lowercase();
    if let Ok(i) = CSS.binary_search_by(|(name, _)| (*name).cmp(lower.as_str())) {
        return Some(hex(CSS[i].1, 1.0));
    }
    from_hex(lower.strip_prefix('#').unwrap_or(&lower)).or_else(|| from_function(&lower))
}

/// Whether a colour, as a threshold or series setting names it, is drawn red.
pub fn redness(text: &str) -> Redness {
    let Some(colour) = resolve(text) else { return Redness::No };
    if colour.a < VISIBLE {
        return Redness::No;
    }
    let (h, s, v) = colour.hsv();
    let shade = colour.rgb24();
    if RED_HEX.contains(&shade) || ((h <= 15.0 || h >= 345.0) && s >= 0.6 && v >= 0.4) {
        Redness::Red
    } else if (h <= 18.0 || h >= 338.0) && s >= 0.3 && v >= 0.3 {
        Redness::Borderline
    } else {
        Redness::No
    }
}

impl Rgba {
    /// The same colour without transparency.
    pub fn opaque(self) -> Self {
        Self { a: 1.0, ..self }
    }

    /// Hue in degrees, saturation and value in 0..=1.
    pub fn hsv(self) -> (f64, f64, f64) {
        let max = self.r.max(self.g).max(self.b);
        let min = self.r.min(self.g).min(self.b);
        let spread = max - min;
        let hue = if spread == 0.0 {
            0.0
        } else if max == self.r {
            60.0 * ((self.g - self.b) / spread).rem_euclid(6.0)
        } else if max == self.g {
            60.0 * ((self.b - self.r) / spread + 2.0)
        } else {
            60.0 * ((self.r - self.g) / spread + 4.0)
        };
        (hue, if max == 0.0 { 0.0 } else { spread / max }, max)
    }

    /// `0xRRGGBB`.
    pub fn rgb24(self) -> u32 {
        let byte = |x: f64| (x * 255.0).round().clamp(0.0, 255.0) as u32;
        byte(self.r) << 16 | byte(self.g) << 8 | byte(self.b)
    }
}

fn hex(rgb: u32, a: f64) -> Rgba {
    let part = |shift: u32| f64::from(rgb >> shift & 0xFF) / 255.0;
    Rgba { r: part(16), g: part(8), b: part(0), a }
}

fn from_hex(digits: &str) -> Option<Rgba> {
    if !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    let doubled: String;
    let digits = if matches!(digits.len(), 3 | 4) {
        doubled = digits.chars().flat_map(|c| [c, c]).collect();
        doubled.as_str()
    } else {
        digits
    };
    let value = u32::from_str_radix(digits, 16).ok()?;
    match digits.len() {
        6 => Some(hex(value, 1.0)),
        8 => Some(hex(value >> 8, f64::from(value & 0xFF) / 255.0)),
        _ => None,
    }
}

/// `rgb(…)`, `rgba(…)`, `hsl(…)`, `hsla(…)`, `hsv(…)`, `hsva(…)`, parted by commas or blanks, with or without
/// parentheses.
fn from_function(text: &str) -> Option<Rgba> {
    let name_end = text.find(|c: char| !c.is_ascii_alphabetic())?;
    let (name, rest) = text.split_at(name_end);
    let parts: Vec<&str> =
        rest.split(|c: char| c == ',' || c == '(' || c == ')' || c.is_whitespace()).filter(|p| !p.is_empty()).collect();
    let wanted = if name.ends_with('a') { 4 } else { 3 };
    if parts.len() != wanted {
        return None;
    }
    // A number, or a percentage of `whole`.
    let number = |i: usize, whole: f64| -> Option<f64> {
        let text = parts[i];
        match text.strip_suffix('%') {
            Some(percent) => Some(percent.parse::<f64>().ok()? / 100.0 * whole),
            None => text.parse().ok(),
        }
    };
    // Saturation, lightness and value: a fraction, or of a hundred.
    let share = |i: usize| number(i, 1.0).map(|x| if x > 1.0 { x / 100.0 } else { x }.clamp(0.0, 1.0));
    let a = if wanted == 4 { number(3, 1.0)?.clamp(0.0, 1.0) } else { 1.0 };
    match name {
        "rgb" | "rgba" => {
            let part = |i| number(i, 255.0).map(|x| x.clamp(0.0, 255.0) / 255.0);
            Some(Rgba { r: part(0)?, g: part(1)?, b: part(2)?, a })
        }
        "hsl" | "hsla" => {
            let (h, s, l) = (number(0, 360.0)?, share(1)?, share(2)?);
            let v = l + s * l.min(1.0 - l);
            Some(from_hsv(h, if v == 0.0 { 0.0 } else { 2.0 * (1.0 - l / v) }, v, a))
        }
        "hsv" | "hsva" => Some(from_hsv(number(0, 360.0)?, share(1)?, share(2)?, a)),
        _ => None,
    }
}

fn from_hsv(h: f64, s: f64, v: f64, a: f64) -> Rgba {
    let part = |n: f64| {
        let k = (n + h / 60.0).rem_euclid(6.0);
        v - v * s * k.min(4.0 - k).clamp(0.0, 1.0)
    };
    Rgba { r: part(5.0), g: part(3.0), b: part(1.0), a }
}

/// The colour names of CSS, ordered.
#[rustfmt::skip]
const CSS: [(&str, u32); 148] = [
    ("aliceblue", 0xF0F8FF), ("antiquewhite", 0xFAEBD7), ("aqua", 0x00FFFF), ("aquamarine", 0x7FFFD4),
    ("azure", 0xF0FFFF), ("beige", 0xF5F5DC), ("bisque", 0xFFE4C4), ("black", 0x000000),
    ("blanchedalmond", 0xFFEBCD), ("blue", 0x0000FF), ("blueviolet", 0x8A2BE2), ("brown", 0xA52A2A),
    ("burlywood", 0xDEB887), ("cadetblue", 0x5F9EA0), ("chartreuse", 0x7FFF00), ("chocolate", 0xD2691E),
    ("coral", 0xFF7F50), ("cornflowerblue", 0x6495ED), ("cornsilk", 0xFFF8DC), ("crimson", 0xDC143C),
    ("cyan", 0x00FFFF), ("darkblue", 0x00008B), ("darkcyan", 0x008B8B), ("darkgoldenrod", 0xB8860B),
    ("darkgray", 0xA9A9A9), ("darkgreen", 0x006400), ("darkgrey", 0xA9A9A9), ("darkkhaki", 0xBDB76B),
    ("darkmagenta", 0x8B008B), ("darkolivegreen", 0x556B2F), ("darkorange", 0xFF8C00), ("darkorchid", 0x9932CC),
    ("darkred", 0x8B0000), ("darksalmon", 0xE9967A), ("darkseagreen", 0x8FBC8F), ("darkslateblue", 0x483D8B),
    ("darkslategray", 0x2F4F4F), ("darkslategrey", 0x2F4F4F), ("darkturquoise", 0x00CED1), ("darkviolet", 0x9400D3),
    ("deeppink", 0xFF1493), ("deepskyblue", 0x00BFFF), ("dimgray", 0x696969), ("dimgrey", 0x696969),
    ("dodgerblue", 0x1E90FF), ("firebrick", 0xB22222), ("floralwhite", 0xFFFAF0), ("forestgreen", 0x228B22),
    ("fuchsia", 0xFF00FF), ("gainsboro", 0xDCDCDC), ("ghostwhite", 0xF8F8FF), ("gold", 0xFFD700),
    ("goldenrod", 0xDAA520), ("gray", 0x808080), ("green", 0x008000), ("greenyellow", 0xADFF2F),
    ("grey", 0x808080), ("honeydew", 0xF0FFF0), ("hotpink", 0xFF69B4), ("indianred", 0xCD5C5C),
    ("indigo", 0x4B0082), ("ivory", 0xFFFFF0), ("khaki", 0xF0E68C), ("lavender", 0xE6E6FA),
    ("lavenderblush", 0xFFF0F5), ("lawngreen", 0x7CFC00), ("lemonchiffon", 0xFFFACD), ("lightblue", 0xADD8E6),
    ("lightcoral", 0xF08080), ("lightcyan", 0xE0FFFF), ("lightgoldenrodyellow", 0xFAFAD2), ("lightgray", 0xD3D3D3),
    ("lightgreen", 0x90EE90), ("lightgrey", 0xD3D3D3), ("lightpink", 0xFFB6C1), ("lightsalmon", 0xFFA07A),
    ("lightseagreen", 0x20B2AA), ("lightskyblue", 0x87CEFA), ("lightslategray", 0x778899), ("lightslategrey", 0x778899),
    ("lightsteelblue", 0xB0C4DE), ("lightyellow", 0xFFFFE0), ("lime", 0x00FF00), ("limegreen", 0x32CD32),
    ("linen", 0xFAF0E6), ("magenta", 0xFF00FF), ("maroon", 0x800000), ("mediumaquamarine", 0x66CDAA),
    ("mediumblue", 0x0000CD), ("mediumorchid", 0xBA55D3), ("mediumpurple", 0x9370DB), ("mediumseagreen", 0x3CB371),
    ("mediumslateblue", 0x7B68EE), ("mediumspringgreen", 0x00FA9A), ("mediumturquoise", 0x48D1CC), ("mediumvioletred", 0xC71585),
    ("midnightblue", 0x191970), ("mintcream", 0xF5FFFA), ("mistyrose", 0xFFE4E1), ("moccasin", 0xFFE4B5),
    ("navajowhite", 0xFFDEAD), ("navy", 0x000080), ("oldlace", 0xFDF5E6), ("olive", 0x808000),
    ("olivedrab", 0x6B8E23), ("orange", 0xFFA500), ("orangered", 0xFF4500), ("orchid", 0xDA70D6),
    ("palegoldenrod", 0xEEE8AA), ("palegreen", 0x98FB98), ("paleturquoise", 0xAFEEEE), ("palevioletred", 0xDB7093),
    ("papayawhip", 0xFFEFD5), ("peachpuff", 0xFFDAB9), ("peru", 0xCD853F), ("pink", 0xFFC0CB),
    ("plum", 0xDDA0DD), ("powderblue", 0xB0E0E6), ("purple", 0x800080), ("rebeccapurple", 0x663399),
    ("red", 0xFF0000), ("rosybrown", 0xBC8F8F), ("royalblue", 0x4169E1), ("saddlebrown", 0x8B4513),
    ("salmon", 0xFA8072), ("sandybrown", 0xF4A460), ("seagreen", 0x2E8B57), ("seashell", 0xFFF5EE),
    ("sienna", 0xA0522D), ("silver", 0xC0C0C0), ("skyblue", 0x87CEEB), ("slateblue", 0x6A5ACD),
    ("slategray", 0x708090), ("slategrey", 0x708090), ("snow", 0xFFFAFA), ("springgreen", 0x00FF7F),
    ("steelblue", 0x4682B4), ("tan", 0xD2B48C), ("teal", 0x008080), ("thistle", 0xD8BFD8),
    ("tomato", 0xFF6347), ("turquoise", 0x40E0D0), ("violet", 0xEE82EE), ("wheat", 0xF5DEB3),
    ("white", 0xFFFFFF), ("whitesmoke", 0xF5F5F5), ("yellow", 0xFFFF00), ("yellowgreen", 0x9ACD32),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_looked_up_in_grafanas_palette_before_css() {
        assert_eq!(resolve("red").unwrap().rgb24(), 0xF2495C);
        assert_eq!(resolve("Red").unwrap().rgb24(), 0xFF0000);
        assert_eq!(resolve("Dark-Red"), None);
        assert!(CSS.is_sorted_by_key(|(name, _)| *name));
    }

    #[test]
    fn every_notation_of_pure_red_is_red() {
        for text in
            ["#f00", "#F00F", "ff0000", "rgb(255,0,0)", "rgba(100%, 0, 0, .5)", "hsl(0, 100%, 50%)", "hsv 0 1 1"]
        {
            assert_eq!(redness(text), Redness::Red, "{text}");
        }
    }

    #[test]
    fn what_cannot_be_seen_is_not_red() {
        for text in ["transparent", "rgba(255,0,0,0.1)", "#ff000010", "nonsense", "", "orange", "#12345"] {
            assert_eq!(redness(text), Redness::No, "{text}");
        }
        assert_eq!(redness("super-light-red"), Redness::Borderline);
    }
}

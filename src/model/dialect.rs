//! Which Prometheus is spoken.

/// Which Prometheus the engine speaks as.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Dialect {
    /// Prometheus 2.42: closed ranges, no experimental syntax.
    V2_42,
    /// Prometheus 3: left-open ranges, UTF-8 names, annotations.
    #[default]
    V3,
}

impl Dialect {
    /// As written on the command line and in results: `2.42` or `3`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::V2_42 => "2.42",
            Self::V3 => "3",
        }
    }
}

impl std::str::FromStr for Dialect {
    type Err = String;

    fn from_str(s: &str) -> Result<Self, String> {
        match s {
            "2.42" | "2" => Ok(Self::V2_42),
            "3" | "3.x" => Ok(Self::V3),
            other => Err(format!("unknown dialect {other:?}, wanted 2.42 or 3")),
        }
    }
}

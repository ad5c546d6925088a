//! Files of targets, as `file_sd_configs` and `http_sd_configs` read them: a list of groups in YAML or JSON.

use super::{ReadAs, Reader, TargetGroup};
use crate::text::{Diagnostic, SourceText};
use crate::yaml::{self, Decoder, GoYaml};

/// Reads a list of target groups. A name that ends in `.json` must hold JSON.
pub fn read_target_file(source: &SourceText, read_as: ReadAs) -> (Vec<TargetGroup>, Vec<Diagnostic>) {
    if source.name().to_ascii_lowercase().ends_with(".json")
        && let Err(e) = serde_json::from_str::<serde::de::IgnoredAny>(source.text())
    {
        let at = source.line_start(e.line()).map_or(0, |start| start + e.column().saturating_sub(1));
        let help = "write valid JSON, or name the file .yml";
        let found = Diagnostic::error(e.to_string()).at(source, crate::text::Span::new(at, at)).help(help);
        return (Vec::new(), vec![found]);
    }
    let root = match yaml::parse(source) {
        Ok(root) => root,
        Err(e) => return (Vec::new(), vec![*e]),
    };
    let d = Decoder::new(source, GoYaml::V2);
    let files = std::cell::RefCell::default();
    let reader = Reader::new(read_as, &files);
    let groups = root.map_or_else(Vec::new, |root| {
        let mut index = 0;
        d.list(&root, "[]*targetgroup.Group", |d, n| {
            index += 1;
            if n.is_null() {
                d.error(root.span(), format!("nil target group item found (index {})", index - 1));
                return None;
            }
            reader.target_group(d, n)
        })
    });
    (groups, d.into_diagnostics())
}

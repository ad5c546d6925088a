//! Provisioning files: data sources and dashboards that Grafana sets up by itself.
//!
//! Facts: Grafana's provisioning of version 1 files; an older file has no `apiVersion` and fields with underscores.

use crate::stack::grafana::DataSource;
use crate::text::{Diagnostic, SourceText, Span};
use crate::yaml::{self, Node, Resolved};

/// A data source that a file sets up.
#[derive(Clone, Debug)]
pub struct ProvisionedSource {
    /// What it is.
    pub source: DataSource,
    /// The organisation, 1 by default.
    pub org: i64,
    /// The file.
    pub file: SourceText,
    /// Its place there; the place of the URL when there is one.
    pub span: Span,
}

/// A folder of dashboards that a file names.
#[derive(Clone, Debug)]
pub struct Provider {
    /// Its name.
    pub name: String,
    /// The folder or file in Grafana's container.
    pub path: String,
    /// The file that names it.
    pub file: SourceText,
    /// Its place there.
    pub span: Span,
}

/// What provisioning files set up.
#[derive(Clone, Debug, Default)]
pub struct Provisioning {
    /// Data sources.
    pub sources: Vec<ProvisionedSource>,
    /// Folders of dashboards.
    pub providers: Vec<Provider>,
    /// What Grafana refuses, as errors: it does not start then; and warnings.
    pub diagnostics: Vec<Diagnostic>,
}

impl Provisioning {
    /// Reads a file of the `datasources` folder.
    pub fn read_sources(&mut self, file: &SourceText) {
        let Some(root) = self.root(file) else { return };
        let old = self.is_old(file, &root);
        for item in root.get("datasources").map(Node::items).unwrap_or_default() {
            let text = |key: &str| item.get(key).and_then(Node::as_str).unwrap_or_default().to_owned();
            let default_key = if old { "is_default" } else { "isDefault" };
            let wrong_key = if old { "isDefault" } else { "is_default" };
            if let Some(wrong) = item.get(wrong_key) {
                let d = Diagnostic::warning(format!("`{wrong_key}` is not read here, wanted `{default_key}`"));
                self.diagnostics.push(d.at(file, wrong.span()).help(format!("write `{default_key}`")));
            }
            let url = item.get("url");
            let source = DataSource {
                uid: text("uid"),
                name: text("name"),
                kind: text("type"),
                is_default: item.get(default_key).is_some_and(is_true),
                url: url.and_then(Node::as_str).map(str::to_owned),
            };
            for field in ["name", "type"].into_iter().filter(|f| text(f).is_empty()) {
                let d = Diagnostic::error(format!("a data source without `{field}`")).at(file, item.span());
                self.diagnostics.push(d.help(format!("add `{field}:`")));
            }
            let org = item.get(if old { "org_id" } else { "orgId" }).and_then(Node::as_str);
            let org = org.and_then(|o| o.parse().ok()).filter(|o| *o != 0).unwrap_or(1);
            let span = url.map_or(item.span(), Node::span);
            self.sources.push(ProvisionedSource { source, org, file: file.clone(), span });
        }
        self.check_defaults();
    }

    /// Reads a file of the `dashboards` folder.
    pub fn read_providers(&mut self, file: &SourceText) {
        let Some(root) = self.root(file) else { return };
        let items = match root.get("providers") {
            Some(list) => list.items(),
            // The old form is a bare list.
            None => root.items(),
        };
        for item in items {
            let text = |key: &str| item.get(key).and_then(Node::as_str).unwrap_or_default().to_owned();
            let options = item.get("options");
            let path = options.and_then(|o| o.get("path").or_else(|| o.get("folder"))).and_then(Node::as_str);
            let Some(path) = path else {
                let d = Diagnostic::error("a provider without `options.path`").at(file, item.span());
                self.diagnostics
                    .push(d.help("add `options:` with `path:`, the folder of the dashboards in the container"));
                continue;
            };
            let (name, path) = (text("name"), path.to_owned());
            self.providers.push(Provider { name, path, file: file.clone(), span: item.span() });
        }
    }

    fn root(&mut self, file: &SourceText) -> Option<Node> {
        match yaml::parse(file) {
            Ok(root) => root.filter(|r| !r.is_null()),
            Err(d) => {
                self.diagnostics.push(*d);
                None
            }
        }
    }

    /// Whether a file is of the form before version 1.
    fn is_old(&mut self, file: &SourceText, root: &Node) -> bool {
        let version = root.get("apiVersion");
        if version.and_then(Node::as_str).is_some_and(|v| v.trim() == "1") {
            return false;
        }
        let span = version.map_or(Span::default(), Node::span);
        let d = Diagnostic::warning("no `apiVersion: 1`, so Grafana reads the file in its oldest form").at(file, span);
        self.diagnostics.push(d.help("add `apiVersion: 1` as the first line"));
        true
    }

    /// At most one default for each organisation, over all files.
    fn check_defaults(&mut self) {
        let defaults: Vec<&ProvisionedSource> = self.sources.iter().filter(|s| s.source.is_default).collect();
        let second = defaults.iter().enumerate().find(|(i, s)| defaults[..*i].iter().any(|e| e.org == s.org));
        let already = self.diagnostics.iter().any(|d| d.message.starts_with("two default data sources"));
        if let Some((_, second)) = second.filter(|_| !already) {
            let message = "two default data sources, wanted at most one";
            let words = "Only one datasource per organization can be marked as default";
            let d = Diagnostic::error(message).at(&second.file, second.span).upstream(words);
            self.diagnostics.push(d.help("remove `isDefault: true` from all but one"));
        }
    }
}

fn is_true(node: &Node) -> bool {
    matches!(node.resolved(), Some(Resolved::Bool(true))) || node.as_str() == Some("true")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_are_read_and_two_defaults_refused() {
        let mut p = Provisioning::default();
        let text =
            "apiVersion: 1\ndatasources:\n  - {name: P, type: prometheus, url: 'http://p:9090', isDefault: true}\n";
        p.read_sources(&SourceText::new("a.yml", text));
        assert_eq!(p.sources[0].source.url.as_deref(), Some("http://p:9090"));
        assert!(p.diagnostics.is_empty());
        p.read_sources(&SourceText::new("b.yml", text.replace("name: P", "name: Q")));
        assert_eq!(p.diagnostics.len(), 1);
    }

    #[test]
    fn the_old_form_and_wrong_keys_are_told() {
        let mut p = Provisioning::default();
        p.read_sources(&SourceText::new("a.yml", "datasources: [{name: P, type: prometheus, isDefault: true}]"));
        assert_eq!(p.diagnostics.len(), 2);
        assert!(!p.sources[0].source.is_default);
        p.read_providers(&SourceText::new(
            "d.yml",
            "apiVersion: 1\nproviders: [{name: x, options: {path: /d}}, {name: y}]",
        ));
        assert_eq!((p.providers.len(), p.diagnostics.len()), (1, 3));
    }
}

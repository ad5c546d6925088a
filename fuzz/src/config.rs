//! The files students hand in, each text read as every kind: prometheus.yml, rules, unit tests, alertmanager.yml,
//! compose. Whatever is found can be drawn.

use labkit::alertmanager::Version;
use labkit::alertmanager::config::Config;
use labkit::rules::file::{self, ReadRules};
use labkit::rules::unit_test;
use labkit::scrape::config::{self, ReadAs};
use labkit::stack::FileTree;
use labkit::stack::compose::{LoadOptions, load};
use labkit::text::{Diagnostic, SourceText, render};

/// Reads the text as each kind of file, of old and new releases.
pub fn run(data: &[u8]) {
    let Some(text) = super::text(data) else { return };
    let source = SourceText::new("f.yml", text);
    for release in [(2, 42), (3, 11)] {
        draw(&config::read(&source, ReadAs::release(release)).1);
        draw(&file::read(&source, &ReadRules::release(release)).1);
        draw(&unit_test::read(&source, release).1);
    }
    for version in [Version::V0_25, Version::LATEST] {
        draw(&Config::load(&source, version).diagnostics);
    }
    let tree = FileTree::in_memory([("compose.yml", text.as_bytes().to_vec())]);
    let _ = load(&tree, "", &LoadOptions::default());
}

fn draw(found: &[Diagnostic]) {
    for diagnostic in found {
        let _ = render(diagnostic, false);
    }
}

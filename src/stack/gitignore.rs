//! The patterns of `.gitignore` files, as git reads them, for folders whether or not they are repositories.
//!
//! Facts from git's own documentation: the last matching pattern wins, a pattern of a deeper file beats one of a
//! shallower file, a slash before the end anchors, and nothing inside an excluded folder can be included again.

use super::path;

/// All patterns of a tree.
#[derive(Clone, Debug, Default)]
pub struct Gitignore {
    rules: Vec<Rule>,
}

#[derive(Clone, Debug)]
struct Rule {
    base: String,
    parts: Vec<String>,
    negated: bool,
    dirs_only: bool,
    anchored: bool,
}

impl Gitignore {
    /// Adds the file of the folder `base` (`""` is the root). Files must come shallowest first, as path order gives.
    pub fn add(&mut self, base: &str, text: &str) {
        let text = text.trim_start_matches('\u{feff}');
        self.rules.extend(text.lines().filter_map(|line| Rule::read(base, line)));
    }

    /// Whether a path is excluded, itself or through a folder above it.
    pub fn ignores(&self, path: &str, is_dir: bool) -> bool {
        path::ancestors(path).any(|dir| self.excludes(dir, true)) || self.excludes(path, is_dir)
    }

    /// The verdict of the last pattern that matches exactly this path. Deeper files count more.
    fn excludes(&self, path: &str, is_dir: bool) -> bool {
        self.rules
            .iter()
            .enumerate()
            .filter(|(_, rule)| rule.matches(path, is_dir))
            .max_by_key(|(i, rule)| (rule.base.matches('/').count() + usize::from(!rule.base.is_empty()), *i))
            .is_some_and(|(_, rule)| !rule.negated)
    }
}

impl Rule {
    fn read(base: &str, line: &str) -> Option<Self> {
        let mut pattern = line.trim_end_matches('\r');
        // A trailing blank counts only behind a backslash.
        while let Some(shorter) = pattern.strip_suffix([' ', '\t']) {
            if shorter.ends_with('\\') {
                break;
            }
            pattern = shorter;
        }
        if pattern.is_empty() || pattern.starts_with('#') {
            return None;
        }
        let negated = pattern.starts_with('!');
        pattern = pattern.strip_prefix('!').unwrap_or(pattern);
        let dirs_only = pattern.ends_with('/');
        pattern = pattern.strip_suffix('/').unwrap_or(pattern);
        let anchored = pattern.contains('/');
        pattern = pattern.strip_prefix('/').unwrap_or(pattern);
        if pattern.is_empty() {
            return None;
        }
        let parts = pattern.split('/').map(str::to_owned).collect();
        Some(Self { base: base.to_owned(), parts, negated, dirs_only, anchored })
    }

    fn matches(&self, path: &str, is_dir: bool) -> bool {
        if self.dirs_only && !is_dir {
            return false;
        }
        let Some(inside) = path::strip(path, &self.base) else { return false };
        if !self.anchored {
            return path::part_matches(&self.parts[0], path::file_name(inside));
        }
        let parts: Vec<&str> = inside.split('/').collect();
        parts_match(&self.parts, &parts)
    }
}

/// Matches pattern parts against path parts; `**` stands for any number of folders. One table row per pattern part,
/// so that many `**` cost no more than their number times the path's length.
fn parts_match(pattern: &[String], path: &[&str]) -> bool {
    let mut reached = vec![false; path.len() + 1];
    reached[0] = true;
    for (i, part) in pattern.iter().enumerate() {
        let mut next = vec![false; path.len() + 1];
        if part == "**" {
            let last = i + 1 == pattern.len();
            let mut open = false;
            for (at, slot) in next.iter_mut().enumerate() {
                // A trailing `**` stands for everything inside, so for at least one part.
                *slot = if last { open } else { open || reached[at] };
                open |= reached[at];
            }
        } else {
            for at in 0..path.len() {
                next[at + 1] = reached[at] && path::part_matches(part, path[at]);
            }
        }
        reached = next;
    }
    reached[path.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ignores(text: &str, path: &str, is_dir: bool) -> bool {
        let mut rules = Gitignore::default();
        rules.add("", text);
        rules.ignores(path, is_dir)
    }

    #[test]
    fn a_name_matches_at_any_depth_and_a_slash_anchors() {
        assert!(ignores("venv", "monitoring/venv/bin/activate", false));
        assert!(!ignores("/venv", "monitoring/venv", true));
        assert!(ignores("/venv/", "venv/pyvenv.cfg", false));
        assert!(!ignores("venv/", "venv", false));
        assert!(ignores("monitoring/grafana", "monitoring/grafana/grafana.db", false));
        assert!(!ignores("monitoring/grafana", "x/monitoring/grafana", true));
    }

    #[test]
    fn the_last_pattern_wins_but_not_inside_an_excluded_folder() {
        assert!(!ignores("*.yml\n!keep.yml", "a/keep.yml", false));
        assert!(ignores("data/\n!data/keep.yml", "data/keep.yml", false));
        assert!(!ignores("data/*\n!data/keep.yml", "data/keep.yml", false));
    }

    #[test]
    fn stars_comments_and_blanks() {
        assert!(ignores("**/data", "a/b/data", true) && ignores("a/**/z", "a/z", false));
        assert!(ignores("a/**/z", "a/b/c/z", false) && ignores("logs/**", "logs/x/y", false));
        assert!(!ignores("logs/**", "logs", true));
        assert!(!ignores("# venv\n\n", "venv", true));
        assert!(ignores("secret.txt   \r", "secret.txt", false));
        assert!(ignores("\\#odd", "#odd", false));
        assert!(ignores("*.py[cod]", "x/y.pyc", false));
    }

    #[test]
    fn a_deeper_file_beats_a_shallower_one() {
        let mut rules = Gitignore::default();
        rules.add("", "*.db\n");
        rules.add("lab", "!grafana.db\n");
        assert!(rules.ignores("grafana.db", false));
        assert!(!rules.ignores("lab/x/grafana.db", false));
    }
}

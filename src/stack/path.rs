//! Paths as text: relative to the repository's root, or absolute inside a container. Always joined by `/`.

/// Resolves `.` and `..` by text alone. Absolute paths stay absolute; `None` when `..` leads out of the root of a
/// relative path.
pub fn normalize(path: &str) -> Option<String> {
    let absolute = path.starts_with('/');
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                if parts.pop().is_none() && !absolute {
                    return None;
                }
            }
            part => parts.push(part),
        }
    }
    Some(format!("{}{}", if absolute { "/" } else { "" }, parts.join("/")))
}

/// `path` seen from the folder `base`; an absolute path stays as it is. `None` as for [`normalize`].
pub fn join(base: &str, path: &str) -> Option<String> {
    if path.starts_with('/') || base.is_empty() { normalize(path) } else { normalize(&format!("{base}/{path}")) }
}

/// The folder a path lies in; `""` for the root of a relative path, `/` for that of an absolute one.
pub fn parent(path: &str) -> &str {
    match path.rfind('/') {
        Some(0) => "/",
        Some(i) => &path[..i],
        None => "",
    }
}

/// The last part.
pub fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// Every folder above a relative path, outermost first, without the root and without itself.
pub fn ancestors(path: &str) -> impl Iterator<Item = &str> {
    path.match_indices('/').map(|(i, _)| &path[..i]).filter(|p| !p.is_empty())
}

/// What is left of `path` under `base`; `Some("")` when they are equal.
pub fn strip<'a>(path: &'a str, base: &str) -> Option<&'a str> {
    if base == "/" {
        return path.strip_prefix('/');
    }
    if base.is_empty() {
        return (!path.starts_with('/')).then_some(path);
    }
    let rest = path.strip_prefix(base)?;
    if rest.is_empty() { Some("") } else { rest.strip_prefix('/') }
}

/// Whether a path matches a shell pattern as Go's `filepath.Match` reads it: `*` and `?` stay within one part,
/// `[a-z]` and `[^a]` are classes, `\` quotes. A malformed pattern matches nothing.
pub fn glob_matches(pattern: &str, path: &str) -> bool {
    let (p, s): (Vec<&str>, Vec<&str>) = (pattern.split('/').collect(), path.split('/').collect());
    p.len() == s.len() && p.iter().zip(&s).all(|(p, s)| part_matches(p, s))
}

/// Whether one path part matches one pattern part.
pub fn part_matches(pattern: &str, text: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().collect();
    let text: Vec<char> = text.chars().collect();
    // The classic walk with one remembered star: linear in practice, never exponential.
    let (mut p, mut t, mut star) = (0, 0, None);
    loop {
        if p < pattern.len() && pattern[p] == '*' {
            star = Some((p, t));
            p += 1;
            continue;
        }
        if t < text.len() {
            if let Some(next) = step(&pattern, p, text[t]) {
                (p, t) = (next, t + 1);
                continue;
            }
        } else if p == pattern.len() {
            return true;
        }
        match star {
            Some((sp, st)) if st < text.len() => {
                star = Some((sp, st + 1));
                (p, t) = (sp + 1, st + 1);
            }
            _ => return false,
        }
    }
}

/// The place after the pattern element at `p` when it matches `c`.
fn step(pattern: &[char], p: usize, c: char) -> Option<usize> {
    match *pattern.get(p)? {
        '?' => Some(p + 1),
        '\\' => (*pattern.get(p + 1)? == c).then_some(p + 2),
        '[' => {
            let mut i = p + 1;
            let negated = matches!(pattern.get(i), Some('^' | '!'));
            i += usize::from(negated);
            let mut hit = false;
            let first = i;
            loop {
                let mut low = *pattern.get(i)?;
                if low == ']' && i > first {
                    return (hit != negated).then_some(i + 1);
                }
                if low == '\\' {
                    i += 1;
                    low = *pattern.get(i)?;
                }
                let mut high = low;
                if pattern.get(i + 1) == Some(&'-') && pattern.get(i + 2).is_some_and(|c| *c != ']') {
                    high = *pattern.get(i + 2)?;
                    i += 2;
                }
                hit |= (low..=high).contains(&c);
                i += 1;
            }
        }
        literal => (literal == c).then_some(p + 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dots_are_resolved_by_text() {
        assert_eq!(normalize("./a//b/../c/").as_deref(), Some("a/c"));
        assert_eq!(normalize("/etc/../../x").as_deref(), Some("/x"));
        assert_eq!(normalize("a/../../b"), None);
        assert_eq!(join("lab", "../x.yml").as_deref(), Some("x.yml"));
        assert_eq!(join("lab", "/etc/x").as_deref(), Some("/etc/x"));
        assert_eq!(join("", "x").as_deref(), Some("x"));
    }

    #[test]
    fn parts_of_paths() {
        assert_eq!((parent("a/b"), parent("a"), parent("/a"), parent("/a/b")), ("a", "", "/", "/a"));
        assert_eq!(ancestors("a/b/c").collect::<Vec<_>>(), ["a", "a/b"]);
        assert_eq!(strip("/etc/prometheus/x", "/etc/prometheus"), Some("x"));
        assert_eq!(strip("/etc/prometheus2", "/etc/prometheus"), None);
        assert_eq!(strip("/etc", "/"), Some("etc"));
    }

    #[test]
    fn patterns_match_within_one_part() {
        assert!(glob_matches("/etc/prometheus/*.rules.yml", "/etc/prometheus/a.rules.yml"));
        assert!(!glob_matches("/etc/*.yml", "/etc/rules/a.yml"));
        assert!(glob_matches("rules/[a-c]?*.y*ml", "rules/bx.yaml"));
        assert!(!glob_matches("rules/[^a]*", "rules/abc"));
        assert!(!glob_matches("rules/[", "rules/["));
        assert!(!part_matches("*a*a*a*a*a*a*b", &"a".repeat(200)));
    }
}

//! The word that was probably meant.

/// The candidate nearest to `word`: at most a third of its letters wrong (an edit or a swap counts one), or one is the
/// beginning of the other.
pub fn nearest<'c>(word: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<&'c str> {
    if word.chars().count() > 64 {
        return None;
    }
    let plain = |s: &str| s.to_lowercase().replace('-', "_");
    let wanted = plain(word);
    candidates
        .into_iter()
        .filter(|c| *c != word)
        .map(|c| (distance(&wanted, &plain(c)), c))
        .filter(|(d, c)| *d <= (c.chars().count().max(3) / 3).min(3))
        .min_by_key(|(d, _)| *d)
        .map(|(_, c)| c)
}

fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut rows: Vec<Vec<usize>> = (0..=a.len()).map(|i| (i..=i + b.len()).collect()).collect();
    for i in 1..=a.len() {
        for j in 1..=b.len() {
            let edit = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut best = edit.min(rows[i - 1][j] + 1).min(rows[i][j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            rows[i][j] = best;
        }
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_word_finds_its_neighbour_and_a_stranger_does_not() {
        let fields = ["static_configs", "scrape_interval", "job_name", "for"];
        assert_eq!(nearest("static_config", fields), Some("static_configs"));
        assert_eq!(nearest("scrape-interval", fields), Some("scrape_interval"));
        assert_eq!(nearest("jobname", fields), Some("job_name"));
        assert_eq!(nearest("fro", fields), Some("for"));
        assert_eq!(nearest("relabel", fields), None);
    }
}

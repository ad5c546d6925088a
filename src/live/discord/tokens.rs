//! Webhooks as they are listed: whose they are, their ids and tokens.

use super::Listed;

/// One entry of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    owner: Option<String>,
    id: Option<u64>,
    token: String,
}

/// Reads `NAME=TOKEN`, `NAME=ID/TOKEN` or `ID/TOKEN`.
///
/// # Errors
/// The text is none of these.
pub fn token(text: &str) -> Result<Token, String> {
    // The text is a secret, and is not repeated.
    let (owner, rest) = match text.split_once('=') {
        Some((owner, rest)) => (Some(owner.trim()), rest.trim()),
        None => (None, text.trim()),
    };
    if owner.is_some_and(|o| o.is_empty() || o.chars().any(char::is_control)) {
        return Err("observed no name before the =, wanted NAME=TOKEN".to_owned());
    }
    let (id, token) = match rest.split_once('/') {
        Some((id, token)) => (Some(id.parse().map_err(|_| "wanted a number before the slash")?), token),
        None if owner.is_some() => (None, rest),
        None => return Err("wanted NAME=TOKEN or ID/TOKEN".to_owned()),
    };
    if token.is_empty() || !token.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_')) {
        return Err("wanted a token of letters, digits, - and _".to_owned());
    }
    Ok(Token { owner: owner.map(str::to_owned), id, token: token.to_owned() })
}

/// Reads a list, one entry a line.
///
/// # Errors
/// The number of the first wrong line, and what is wrong with it.
pub fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let lines = text.lines().map(|l| l.split('#').next().unwrap_or("").trim()).zip(1..);
    lines.filter(|(l, _)| !l.is_empty()).map(|(l, n)| token(l).map_err(|e| format!("line {n}: {e}"))).collect()
}

/// Gives an id to the entries that have none: their place in the list, from 1, or the next that is free.
///
/// # Errors
/// Two entries have one id.
pub fn list(tokens: Vec<Token>) -> Result<Vec<Listed>, String> {
    let mut taken: std::collections::BTreeSet<u64> = std::collections::BTreeSet::new();
    for id in tokens.iter().filter_map(|t| t.id) {
        if !taken.insert(id) {
            return Err(format!("observed the webhook {id} twice, wanted an id of its own for each"));
        }
    }
    let mut next = 0;
    let give = |token: Token| {
        let id = token.id.unwrap_or_else(|| {
            next += 1;
            while !taken.insert(next) {
                next += 1;
            }
            next
        });
        Listed { id, token: token.token, owner: token.owner }
    };
    Ok(tokens.into_iter().map(give).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn students_get_ids_in_order() {
        let read = tokens("# room 3\nada = s3cret\nbob=1/t_2 # front row\n\n7/only-a-token\ncyd=x\n").expect("a list");
        let listed = list(read).expect("ids of their own");
        let told: Vec<_> = listed.iter().map(|l| (l.id, &*l.token, l.owner.as_deref())).collect();
        let wanted =
            [(2, "s3cret", Some("ada")), (1, "t_2", Some("bob")), (7, "only-a-token", None), (3, "x", Some("cyd"))];
        assert_eq!(told, wanted);
    }

    #[test]
    fn a_wrong_line_is_told_without_its_secret() {
        let wrong = tokens("ada=t\n\nbob=sec ret\n").expect_err("a space");
        assert!(wrong.starts_with("line 3:") && !wrong.contains("sec"), "{wrong}");
        assert!(token("=t").is_err() && token("lonely").is_err() && token("a=x/t").is_err());
        assert!(list(tokens("1/a\n1/b").expect("a list")).is_err());
    }
}

//! Where a mocked model listens when no call of a Python script tells: programs that serve an application (`uvicorn
//! main:app --port 8000`), and models in other languages, whose text is searched for what looks like a port.

use super::mock::{LOWEST, Listen, listen};
use super::path;

/// A program that serves an application: its port and its address where nothing is said.
const PROGRAMS: [(&str, u16, &str); 6] = [
    ("uvicorn", 8000, "127.0.0.1"),
    ("gunicorn", 8000, "127.0.0.1"),
    ("hypercorn", 8000, "127.0.0.1"),
    ("flask", 5000, "127.0.0.1"),
    ("fastapi", 8000, "0.0.0.0"),
    ("waitress-serve", 8080, "0.0.0.0"),
];
/// Endings of sources in languages that a model may be written in.
const LANGUAGES: [&str; 14] = ["go", "js", "mjs", "cjs", "ts", "rs", "java", "kt", "cs", "rb", "php", "sh", "pl", "ex"];
/// Words beside which a number is a port.
const WORDS: [&str; 5] = ["port", "listen", "bind", "addr", "serve"];
/// Ports of one source.
const PORTS: usize = 50;

/// Whether a file is a source in a language other than Python.
pub fn is_other_language(file: &str) -> bool {
    file.rsplit_once('.').is_some_and(|(_, ending)| LANGUAGES.contains(&ending))
}

/// Where a command line makes an application listen, if it is one of a program that serves applications; `env` gives
/// its environment.
pub fn served_by(arguments: &[String], env: &dyn Fn(&str) -> Option<String>) -> Option<(u16, Listen)> {
    let words: Vec<&str> = arguments.iter().flat_map(|a| a.split_whitespace()).collect();
    let (at, (name, port, host)) = words
        .iter()
        .enumerate()
        .find_map(|(i, w)| Some((i, *PROGRAMS.iter().find(|(name, ..)| path::file_name(w) == *name)?)))?;
    let variable = |what: &str| match name {
        "flask" => env(&format!("FLASK_RUN_{what}")),
        "uvicorn" => env(&format!("UVICORN_{what}")),
        _ => None,
    };
    let mut host = variable("HOST").unwrap_or_else(|| host.to_owned());
    let mut port = variable("PORT").and_then(|p| p.parse().ok()).unwrap_or(port);
    let mut rest = words[at + 1..].iter().copied();
    while let Some(word) = rest.next() {
        let (flag, joined) = word.split_once('=').map_or((word, None), |(f, v)| (f, Some(v)));
        let mut value = || joined.or_else(|| rest.next()).map(|v| v.trim_matches(['"', '\'']).to_owned());
        match flag {
            "--port" | "-p" => port = value()?.parse().ok()?,
            "--host" | "-h" => host = value()?,
            "-b" | "--bind" | "--listen" => {
                let bound = value()?;
                match bound.rsplit_once(':') {
                    Some((h, p)) => (host, port) = (h.trim_matches(['[', ']', '*']).to_owned(), p.parse().ok()?),
                    None => host = bound,
                }
            }
            _ => {}
        }
    }
    Some((port, listen(&host)))
}

/// Numbers of a source that look like ports: behind a colon in quotes, or on a line that speaks of a port.
pub fn ports_of(text: &str) -> Vec<u16> {
    let mut ports = Vec::new();
    for line in text.lines() {
        let lower = line.to_ascii_lowercase();
        let spoken_of = WORDS.iter().any(|w| lower.contains(w));
        let mut before = ' ';
        let mut rest = line;
        while let Some(start) = rest.find(|c: char| c.is_ascii_digit()) {
            before = rest[..start].chars().next_back().unwrap_or(before);
            let end = rest[start..].find(|c: char| !c.is_ascii_digit()).map_or(rest.len(), |e| start + e);
            let after = rest[end..].chars().next().unwrap_or(' ');
            let whole = !(before.is_alphanumeric() || before == '.' || after.is_alphabetic() || after == '.');
            if let Ok(port) = rest[start..end].parse::<u16>()
                && whole
                && port >= LOWEST
                && (spoken_of || (before == ':' && matches!(after, '"' | '\'' | '`')))
                && ports.len() < PORTS
            {
                ports.push(port);
            }
            before = rest[..end].chars().next_back().unwrap_or(before);
            rest = &rest[end..];
        }
    }
    ports
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_tells_where_an_application_listens() {
        for (command, port, address) in [
            ("uvicorn main:app --host 0.0.0.0 --port 8001", 8001, Listen::All),
            ("python -m gunicorn -b 0.0.0.0:9000 app:app", 9000, Listen::All),
            ("gunicorn --bind=:9000 app:app", 9000, Listen::All),
            ("flask run", 5000, Listen::Loopback),
            ("flask --app mock run --host=0.0.0.0 -p 9000", 9000, Listen::All),
            ("/usr/bin/waitress-serve --listen=*:9000 mock:app", 9000, Listen::All),
            ("fastapi run", 8000, Listen::All),
        ] {
            let arguments: Vec<String> = command.split(' ').map(str::to_owned).collect();
            assert_eq!(served_by(&arguments, &|_| None), Some((port, address)), "{command}");
        }
        let env = |name: &str| (name == "FLASK_RUN_PORT").then(|| "9000".to_owned());
        assert_eq!(served_by(&["flask run".to_owned()], &env), Some((9000, Listen::Loopback)));
        assert_eq!(served_by(&["python".to_owned(), "app.py".to_owned()], &|_| None), None);
    }

    #[test]
    fn ports_are_told_from_other_numbers() {
        for (line, ports) in [
            ("http.ListenAndServe(\":8000\", nil)", &[8000][..]),
            ("const PORT = process.env.PORT || 9000;", &[9000]),
            ("let a = \"0.0.0.0:9001\";", &[9001]),
            ("setInterval(tick, 5000);", &[]),
            ("server.port=70000 1.9000 x9000 port 80", &[]),
        ] {
            assert_eq!(ports_of(line), ports, "{line}");
        }
    }
}

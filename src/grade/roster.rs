//! `students.csv`: who the students are, and whose work each repository is.
//!
//! Columns are recognised by their headings in any order and several languages; what was recognised is shown.

use std::collections::HashMap;
use std::path::Path;

use super::protocol::Person;
use super::subjects::{Found, Origin, is_url, last_part};

/// Bytes of a roster that are read.
const SIZE_BUDGET: u64 = 16 << 20;

/// A student and their repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The student.
    pub person: Person,
    /// Address, path or name of the repository; empty when the roster has none.
    pub repository: String,
}

/// A roster that has been read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Roster {
    /// The students in the order of the file.
    pub entries: Vec<Entry>,
    /// Which heading was taken for what, to be shown.
    pub guessed: Vec<(&'static str, String)>,
}

/// What a heading may be called, letters and digits only.
const HEADINGS: [(&str, &[&str]); 7] = [
    ("email", &["email", "emailaddress", "mail", "emailadres", "useremail", "schoolemail"]),
    (
        "id",
        &[
            "id",
            "studentid",
            "studentnumber",
            "studentnummer",
            "idnumber",
            "sisuserid",
            "orgdefinedid",
            "number",
            "nummer",
            "rosteridentifier",
            "identifier",
        ],
    ),
    (
        "repository",
        &[
            "repository",
            "repo",
            "repositoryurl",
            "repourl",
            "url",
            "git",
            "giturl",
            "studentrepositoryurl",
            "studentrepositoryname",
            "repositorynaam",
        ],
    ),
    ("group", &["group", "groep", "groupname", "team", "teamname"]),
    ("first name", &["firstname", "voornaam", "givenname"]),
    ("last name", &["lastname", "surname", "familyname", "achternaam", "familienaam"]),
    ("name", &["name", "naam", "student", "studentname", "fullname", "displayname"]),
];

impl Roster {
    /// Reads a roster from a file.
    ///
    /// # Errors
    /// The file cannot be read or is no roster.
    pub fn read(path: &Path) -> Result<Self, String> {
        let cannot = |e: &dyn std::fmt::Display| format!("cannot read {}: {e}", path.display());
        let size = std::fs::metadata(path).map_err(|e| cannot(&e))?.len();
        if size > SIZE_BUDGET {
            return Err(cannot(&"it is too big for a roster"));
        }
        let text = std::fs::read_to_string(path).map_err(|e| cannot(&e))?;
        Self::parse(&text).map_err(|e| format!("{}: {e}", path.display()))
    }

    /// Reads a roster: comma, semicolon or tab separated, with headings.
    ///
    /// # Errors
    /// No heading was recognised, or a row cannot be read.
    pub fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim_start_matches('\u{feff}');
        let first = text.lines().next().unwrap_or("");
        let delimiter =
            [b',', b';', b'\t'].into_iter().max_by_key(|d| first.bytes().filter(|b| b == d).count()).unwrap_or(b',');
        let mut reader = csv::ReaderBuilder::new()
            .delimiter(delimiter)
            .flexible(true)
            .trim(csv::Trim::All)
            .from_reader(text.as_bytes());
        let heads = reader.headers().map_err(|e| e.to_string())?.clone();
        let mut columns: HashMap<&str, usize> = HashMap::new();
        let mut guessed = Vec::new();
        for (what, names) in HEADINGS {
            let found = heads.iter().position(|h| names.contains(&letters(h).as_str()));
            if let Some(at) = found {
                columns.insert(what, at);
                guessed.push((what, heads[at].to_owned()));
            }
        }
        if !["name", "id", "email", "repository", "first name", "last name"].iter().any(|w| columns.contains_key(w)) {
            return Err(format!("no heading is known (there is {first:?}), wanted name, id, email, repository, group"));
        }
        let mut entries = Vec::new();
        for record in reader.records() {
            let record = record.map_err(|e| e.to_string())?;
            let field = |what: &str| columns.get(what).and_then(|i| record.get(*i)).unwrap_or("").to_owned();
            let name = match field("name") {
                whole if !whole.is_empty() => whole,
                _ => format!("{} {}", field("first name"), field("last name")).trim().to_owned(),
            };
            let person = Person { name, id: field("id"), email: field("email"), group: field("group") };
            if person != Person::default() {
                entries.push(Entry { person, repository: field("repository") });
            }
        }
        Ok(Self { entries, guessed })
    }

    /// Whose work each subject is. What the roster names and `found` does not hold is added: addresses to fetch,
    /// folders beside the roster, and subjects without a repository. Subjects nobody claims keep an empty list.
    pub fn assign(&self, found: Vec<Found>, beside: &Path) -> Vec<(Found, Vec<Person>)> {
        let mut subjects: Vec<(Found, Vec<Person>)> = found.into_iter().map(|f| (f, Vec::new())).collect();
        let mut by_key: HashMap<String, usize> = HashMap::new();
        for (i, (f, _)) in subjects.iter().enumerate() {
            by_key.entry(f.name.to_lowercase()).or_insert(i);
            by_key.entry(f.shown.clone()).or_insert(i);
        }
        for entry in &self.entries {
            let place = keys(entry).iter().find_map(|k| by_key.get(k).copied());
            let place = place.unwrap_or_else(|| {
                let added = added(entry, beside);
                let again = by_key.get(&added.shown).copied();
                again.unwrap_or_else(|| {
                    by_key.insert(added.shown.clone(), subjects.len());
                    by_key.entry(added.name.to_lowercase()).or_insert(subjects.len());
                    subjects.push((added, Vec::new()));
                    subjects.len() - 1
                })
            });
            subjects[place].1.push(entry.person.clone());
        }
        subjects
    }
}

fn letters(heading: &str) -> String {
    heading.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// What a student's folder may be called, the surest first.
fn keys(entry: &Entry) -> Vec<String> {
    let person = &entry.person;
    let mut keys = Vec::new();
    if !entry.repository.is_empty() {
        keys.push(entry.repository.clone());
        keys.push(last_part(&entry.repository).to_lowercase());
        // A row that names its repository is nobody else's folder.
        return keys;
    }
    for own in [&person.id, &person.email] {
        keys.push(own.to_lowercase());
    }
    keys.push(person.email.split('@').next().unwrap_or("").to_lowercase());
    let words: Vec<String> = person.name.to_lowercase().split_whitespace().map(str::to_owned).collect();
    for joint in [" ", "-", "_", ".", ""] {
        keys.push(words.join(joint));
    }
    keys.push(person.group.to_lowercase());
    keys.retain(|k| !k.is_empty());
    keys
}

fn added(entry: &Entry, beside: &Path) -> Found {
    let person = &entry.person;
    let own = [&person.id, &person.name, &person.email].into_iter().find(|t| !t.is_empty());
    let own = own.cloned().unwrap_or_default();
    if entry.repository.is_empty() {
        let origin = Origin::Unreadable("the roster names no repository and no folder goes by this student".to_owned());
        return Found { shown: format!("roster: {own}"), name: own, origin };
    }
    let name = last_part(&entry.repository).to_owned();
    if is_url(&entry.repository) {
        let shown = entry.repository.clone();
        return Found { name, shown: shown.clone(), origin: Origin::Url(shown) };
    }
    let path = beside.join(&entry.repository);
    let origin = match path.symlink_metadata() {
        Ok(meta) if meta.is_dir() => Origin::Folder(path.clone()),
        _ => Origin::Unreadable(format!("there is no folder {}", path.display())),
    };
    Found { name, shown: path.display().to_string(), origin }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_guessed_from_headings() {
        let roster =
            Roster::parse("\u{feff}Voornaam;Achternaam;E-mailadres;Student number\nAda;Lovelace;ada@x;7\n").unwrap();
        let ada = Person { name: "Ada Lovelace".into(), id: "7".into(), email: "ada@x".into(), group: String::new() };
        assert_eq!(roster.entries, [Entry { person: ada, repository: String::new() }]);
        assert_eq!(roster.guessed[0], ("email", "E-mailadres".to_owned()));
        assert!(Roster::parse("a,b\n1,2\n").is_err());
    }

    #[test]
    fn rows_find_their_folder_by_repository_id_mail_or_name() {
        let roster = Roster::parse(
            "name,id,email,repository\nA,,,https://h/o/alpha.git\nB,b7,,\nC,,cc@x,\nD E,,,\nF,f9,,\nG,,,git@h:o/new.git\n",
        )
        .unwrap();
        let found = ["alpha", "b7", "cc", "d-e", "nobody"].map(|n| Found {
            name: n.to_owned(),
            shown: format!("repos/{n}"),
            origin: Origin::Folder(n.into()),
        });
        let assigned = roster.assign(found.to_vec(), Path::new("."));
        let told: Vec<(&str, String)> = assigned
            .iter()
            .map(|(f, p)| (f.name.as_str(), p.iter().map(|p| p.name.as_str()).collect::<Vec<_>>().join("+")))
            .collect();
        let wanted =
            [("alpha", "A"), ("b7", "B"), ("cc", "C"), ("d-e", "D E"), ("nobody", ""), ("f9", "F"), ("new", "G")];
        assert_eq!(told, wanted.map(|(n, p)| (n, p.to_owned())));
        assert!(matches!(assigned[5].0.origin, Origin::Unreadable(_)));
        assert!(matches!(assigned[6].0.origin, Origin::Url(_)));
    }

    #[test]
    fn a_group_shares_one_subject() {
        let roster = Roster::parse("name,repository\nA,https://h/team.git\nB,https://h/team.git\n").unwrap();
        let assigned = roster.assign(Vec::new(), Path::new("."));
        assert_eq!((assigned.len(), assigned[0].1.len()), (1, 2));
    }
}

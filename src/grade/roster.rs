//! `students.csv`: who the students are, and whose work each repository is.
//!
//! Columns are recognised by their headings in any order and several languages; what was recognised is shown.

use std::collections::{HashMap, HashSet};
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
        let mut by_name: HashMap<String, usize> = HashMap::new();
        let mut by_repository: HashMap<String, usize> = HashMap::new();
        for (i, (f, _)) in subjects.iter().enumerate() {
            by_name.entry(f.name.to_lowercase()).or_insert(i);
            by_repository.entry(same(&f.shown)).or_insert(i);
            if let Origin::Folder(whole) = &f.origin
                && let Ok(whole) = whole.canonicalize()
            {
                by_repository.entry(whole.to_string_lossy().into_owned()).or_insert(i);
            }
        }
        // Everybody's repository may have the same name below an owner of its own: then the name tells nothing.
        let mut of_that_name: HashMap<String, HashSet<String>> = HashMap::new();
        for entry in self.entries.iter().filter(|e| !e.repository.is_empty()) {
            let name = last_part(&entry.repository).to_lowercase();
            of_that_name.entry(name).or_default().insert(same(&entry.repository));
        }
        for entry in &self.entries {
            let name = last_part(&entry.repository).to_lowercase();
            let own_name = of_that_name.get(&name).is_some_and(|all| all.len() == 1);
            let place = if entry.repository.is_empty() {
                keys(entry).iter().find_map(|k| by_name.get(k).copied())
            } else {
                let named = || by_name.get(&name).copied().filter(|_| own_name);
                by_repository.get(&same(&entry.repository)).copied().or_else(named)
            };
            let place = place.unwrap_or_else(|| {
                let added = added(entry, beside);
                let whole = match &added.origin {
                    Origin::Folder(path) => path.canonicalize().map(|p| p.to_string_lossy().into_owned()).ok(),
                    _ => None,
                };
                let key = whole.unwrap_or_else(|| same(&added.shown));
                *by_repository.entry(key).or_insert_with(|| {
                    let inside = matches!(added.origin, Origin::Unreadable(_)) || is_inside(&added, beside);
                    let mut added = added;
                    if !inside {
                        let why = "lies outside the folder of the roster, wanted one in it or among the paths given";
                        added.origin = Origin::Unreadable(format!("{} {why}", added.shown));
                    }
                    subjects.push((added, Vec::new()));
                    subjects.len() - 1
                })
            });
            if !entry.repository.is_empty() {
                by_repository.entry(same(&entry.repository)).or_insert(place);
                if own_name {
                    // The others of a group may have its name alone.
                    by_name.entry(name).or_insert(place);
                }
            }
            subjects[place].1.push(entry.person.clone());
        }
        subjects
    }
}

/// A repository's address without what makes no difference.
fn same(address: &str) -> String {
    let trimmed = address.trim_end_matches('/');
    trimmed.strip_suffix(".git").unwrap_or(trimmed).to_owned()
}

/// Whether a folder that only the roster names lies below the roster: a row must not lead anywhere on the machine.
fn is_inside(added: &Found, beside: &Path) -> bool {
    let Origin::Folder(folder) = &added.origin else { return true };
    let beside = if beside.as_os_str().is_empty() { Path::new(".") } else { beside };
    folder.canonicalize().is_ok_and(|f| beside.canonicalize().is_ok_and(|b| f.starts_with(&b) && f != b))
}

fn letters(heading: &str) -> String {
    heading.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// What the folder of a student without a repository may be called, the surest first.
fn keys(entry: &Entry) -> Vec<String> {
    let person = &entry.person;
    let mut keys = Vec::new();
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

    #[test]
    fn repositories_of_the_same_name_are_different_work() {
        let roster =
            "name,repository\nA,https://h/a/lab.git\nB,https://h/b/lab.git\nC,https://h/b/lab\nD,git@h:d/lab.git\n";
        let folder = Found { name: "lab".into(), shown: "repos/lab".into(), origin: Origin::Folder("lab".into()) };
        let assigned = Roster::parse(roster).unwrap().assign(vec![folder], Path::new("."));
        let people: Vec<String> =
            assigned.iter().map(|(_, p)| p.iter().map(|p| p.name.as_str()).collect::<Vec<_>>().join("+")).collect();
        assert_eq!(people, ["", "A", "B+C", "D"]);
    }

    #[test]
    fn a_row_leads_to_no_folder_outside() {
        let dir = tempfile::tempdir().unwrap();
        for folder in ["course/own", "elsewhere", "given/b"] {
            std::fs::create_dir_all(dir.path().join(folder)).unwrap();
        }
        let whole = dir.path().join("elsewhere");
        let roster = format!("name,repository\nA,own\nB,../given/b\nC,../elsewhere\nD,{}\nE,.\n", whole.display());
        let given = dir.path().join("given/b");
        let found = Found { name: "b".into(), shown: given.display().to_string(), origin: Origin::Folder(given) };
        let assigned = Roster::parse(&roster).unwrap().assign(vec![found], &dir.path().join("course"));
        let readable: Vec<&str> = assigned
            .iter()
            .filter(|(f, _)| matches!(f.origin, Origin::Folder(_)))
            .flat_map(|(_, p)| p.iter().map(|p| p.name.as_str()))
            .collect();
        assert_eq!(readable, ["B", "A"]);
    }
}

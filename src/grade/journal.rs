//! `results.jsonl`: one line per subject, appended as it finishes, and read again after any kind of end.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::protocol::Line;

/// The longest line that is read.
const LONGEST_LINE: u64 = 64 << 20;

/// The journal of a batch, open for appending.
#[derive(Debug)]
pub struct Journal {
    file: File,
}

/// Where a subject's last line is in a journal, and what it depends on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Hash of everything the result depends on.
    pub key: String,
    /// File name of the report.
    pub report: String,
    offset: u64,
    length: usize,
}

/// A journal that has been read.
#[derive(Debug)]
pub struct Known {
    path: PathBuf,
    places: HashMap<String, Place>,
    /// Bytes up to the end of the last whole line.
    whole: u64,
}

#[derive(Deserialize)]
struct Mark {
    subject: Name,
    grade: Key,
}

#[derive(Deserialize)]
struct Name {
    name: String,
}

#[derive(Deserialize)]
struct Key {
    key: String,
    report: String,
}

impl Known {
    /// Reads which subjects a journal has; a missing file has none. Lines that are no results, such as a half-written
    /// last one, are passed over.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn read(path: &Path) -> io::Result<Self> {
        let mut known = Self { path: path.to_owned(), places: HashMap::new(), whole: 0 };
        each_line(path, |offset, text| {
            known.whole = offset + text.len() as u64 + 1;
            if let Ok(mark) = serde_json::from_slice::<Mark>(text) {
                let place = Place { key: mark.grade.key, report: mark.grade.report, offset, length: text.len() };
                known.places.insert(mark.subject.name, place);
            }
        })?;
        Ok(known)
    }

    /// Where a subject's line is.
    pub fn place(&self, subject: &str) -> Option<&Place> {
        self.places.get(subject)
    }

    /// How many subjects have a line.
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// A line's text, without its end.
    ///
    /// # Errors
    /// The file cannot be read any more.
    pub fn text(&self, place: &Place) -> io::Result<String> {
        let mut file = File::open(&self.path)?;
        file.seek(SeekFrom::Start(place.offset))?;
        let mut bytes = vec![0; place.length];
        file.read_exact(&mut bytes)?;
        String::from_utf8(bytes).map_err(|e| io::Error::new(io::ErrorKind::InvalidData, e))
    }
}

impl Journal {
    /// Begins a journal.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn create(path: &Path) -> io::Result<Self> {
        Ok(Self { file: File::create(path)? })
    }

    /// Continues a journal behind its last whole line.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn resume(path: &Path, known: &Known) -> io::Result<Self> {
        let mut file = OpenOptions::new().create(true).truncate(false).write(true).open(path)?;
        file.set_len(known.whole)?;
        file.seek(SeekFrom::End(0))?;
        Ok(Self { file })
    }

    /// Appends a result; once this returns, no end of this process loses it.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn append(&mut self, line: &str) -> io::Result<()> {
        let mut text = String::with_capacity(line.len() + 1);
        text.push_str(line);
        text.push('\n');
        self.file.write_all(text.as_bytes())?;
        self.file.flush()
    }
}

/// Gives every whole line with the offset of its first byte; what stands behind the last line end is left out.
fn each_line(path: &Path, mut take: impl FnMut(u64, &[u8])) -> io::Result<()> {
    let mut reader = match File::open(path) {
        Ok(file) => BufReader::with_capacity(1 << 16, file),
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(e) => return Err(e),
    };
    let mut offset = 0;
    let mut text = Vec::new();
    loop {
        text.clear();
        let read = reader.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut text)?;
        if text.pop() != Some(b'\n') {
            return Ok(());
        }
        take(offset, &text);
        offset += read as u64;
    }
}

/// Gives the last line of every subject, in the order of the file, one at a time.
///
/// # Errors
/// The file cannot be read.
pub fn each_result(path: &Path, mut take: impl FnMut(Line)) -> io::Result<()> {
    let known = Known::read(path)?;
    each_line(path, |offset, text| {
        if let Ok(line) = serde_json::from_slice::<Line>(text)
            && known.place(&line.result.subject.name).is_some_and(|p| p.offset == offset)
        {
            take(line);
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(name: &str, key: &str) -> String {
        format!("{{\"subject\":{{\"name\":\"{name}\"}},\"grade\":{{\"key\":\"{key}\",\"report\":\"\"}}}}")
    }

    #[test]
    fn a_half_written_last_line_is_ignored_and_written_over() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("results.jsonl");
        let mut journal = Journal::create(&path).unwrap();
        journal.append(&line("a", "1")).unwrap();
        let text = line("b", "2");
        journal.file.write_all(&text.as_bytes()[..text.len() - 3]).unwrap();
        drop(journal);
        let known = Known::read(&path).unwrap();
        assert_eq!((known.len(), known.place("b")), (1, None));
        Journal::resume(&path, &known).unwrap().append(&text).unwrap();
        let known = Known::read(&path).unwrap();
        assert_eq!(known.text(known.place("b").unwrap()).unwrap(), text);
        assert_eq!(std::fs::read_to_string(&path).unwrap().lines().count(), 2);
    }

    #[test]
    fn the_last_line_of_a_subject_counts() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("results.jsonl");
        let mut journal = Journal::create(&path).unwrap();
        for key in ["1", "2"] {
            journal.append(&line("a", key)).unwrap();
        }
        assert_eq!(Known::read(&path).unwrap().place("a").unwrap().key, "2");
    }
}

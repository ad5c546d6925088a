//! What arrived, in memory and as JSON lines in a file.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::Path;

use serde_json::{Value, json};

use super::forward::Forwarded;
use crate::discord::ShownMessage;
use crate::model::Time;

/// A request for a message, and what became of it.
#[derive(Clone, Debug)]
pub struct Received {
    /// Counts the requests for messages, from 1.
    pub number: u64,
    /// When it arrived.
    pub at: Time,
    /// The webhook's id, when the path has one.
    pub webhook: Option<u64>,
    /// Whose webhook it is, when that is known.
    pub owner: Option<String>,
    /// The status that was answered; none when nothing was.
    pub status: Option<u16>,
    /// `User-Agent`
    pub user_agent: String,
    /// The body as it came.
    pub body: String,
    /// The body of the answer.
    pub answer: String,
    /// What a person should know about the answer.
    pub note: Option<&'static str>,
    /// What the real webhook said, as soon as it has.
    pub forwarded: Option<Forwarded>,
}

impl Received {
    /// Whether the message was taken.
    pub fn is_taken(&self) -> bool {
        matches!(self.status, Some(200..=299))
    }

    /// The message as somebody reads it, when the body holds one.
    pub fn shown(&self) -> Option<ShownMessage> {
        ShownMessage::from_body(self.at, &self.body)
    }

    /// One line of the record. The webhook's token is not in it.
    pub fn to_json(&self) -> Value {
        let body = serde_json::from_str(&self.body).unwrap_or_else(|_| Value::from(self.body.as_str()));
        let answer = serde_json::from_str(&self.answer).unwrap_or_else(|_| Value::from(self.answer.as_str()));
        let mut line = json!({
            "n": self.number,
            "t": self.at.millis() as f64 / 1000.0,
            "webhook": self.webhook.map(|id| id.to_string()),
            "student": self.owner,
            "status": self.status,
            "user_agent": self.user_agent,
            "body": body,
            "answer": answer,
            "note": self.note,
        });
        if let Some(forwarded) = &self.forwarded {
            line["forwarded"] = forwarded.to_json();
        }
        line
    }
}

/// A file that grows by a line per request and is whole after each.
#[derive(Debug)]
pub(super) struct RecordFile(File);

impl RecordFile {
    /// Opens the file to append to it.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let mut file = OpenOptions::new().create(true).append(true).read(true).open(path)?;
        // A machine that went down in the middle of a line must not spoil the next one.
        if file.metadata()?.len() > 0 {
            let mut last = [0];
            file.seek(SeekFrom::End(-1))?;
            file.read_exact(&mut last)?;
            if last != *b"\n" {
                file.write_all(b"\n")?;
            }
        }
        Ok(Self(file))
    }

    pub(super) fn append(&mut self, line: &Value) -> io::Result<()> {
        // One write per line, so that two receivers on one file do not mix their lines. It is with the system then:
        // the end of this process, however sudden, does not lose it.
        self.0.write_all(format!("{line}\n").as_bytes())?;
        self.0.flush()
    }
}

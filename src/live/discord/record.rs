//! What arrived, in memory and as JSON lines in a file.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;

use serde_json::{Value, json};

use crate::discord::ShownMessage;
use crate::model::Time;

/// A request for a message, and what became of it.
#[derive(Clone, Debug)]
pub struct Received {
    /// When it arrived.
    pub at: Time,
    /// The webhook's id, when the path has one.
    pub webhook: Option<u64>,
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
        json!({
            "t": self.at.millis() as f64 / 1000.0,
            "webhook": self.webhook.map(|id| id.to_string()),
            "status": self.status,
            "user_agent": self.user_agent,
            "body": body,
            "answer": answer,
            "note": self.note,
        })
    }
}

/// A file that grows by a line per request and is whole after each.
#[derive(Debug)]
pub(super) struct RecordFile(File);

impl RecordFile {
    /// Opens the file to append to it.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        OpenOptions::new().create(true).append(true).open(path).map(Self)
    }

    pub(super) fn append(&mut self, received: &Received) -> io::Result<()> {
        // One write per line, so that two receivers on one file do not mix their lines.
        self.0.write_all(format!("{}\n", received.to_json()).as_bytes())?;
        self.0.flush()
    }
}

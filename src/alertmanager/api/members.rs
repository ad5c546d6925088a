//! Members of a posted object, read as Go reads them into a struct: names in any case, the last of a doubled one, and the
//! first member of a wrong kind told of.

use super::times::read_time;
use crate::golang::json_read::Json;
use crate::model::Time;

/// An object on its way into a struct.
pub(super) struct Members<'j> {
    object: &'j [(String, Json)],
    /// What errors call it.
    name: &'static str,
    /// The first error, with the place of its member.
    wrong: Option<(usize, String)>,
}

impl<'j> Members<'j> {
    /// The members of an object, or none of `null`.
    ///
    /// # Errors
    /// It is neither; `type_name` is what Go calls the struct.
    pub fn of(value: &'j Json, name: &'static str, type_name: &str) -> Result<Self, String> {
        let object: &[_] = match value {
            Json::Object(members) => members,
            Json::Null => &[],
            other => return Err(format!("json: cannot unmarshal {} into Go value of type {type_name}", other.kind())),
        };
        Ok(Self { object, name, wrong: None })
    }

    /// A member that is there and not null, with its place.
    fn find(&self, name: &str) -> Option<(usize, &'j Json)> {
        let fits = |(_, (n, _)): &(usize, &(String, Json))| n.eq_ignore_ascii_case(name);
        let found = self.object.iter().enumerate().rfind(fits);
        found.map(|(i, (_, value))| (i, value)).filter(|(_, value)| **value != Json::Null)
    }

    fn fail(&mut self, at: usize, why: String) {
        if self.wrong.as_ref().is_none_or(|(earlier, _)| at < *earlier) {
            self.wrong = Some((at, why));
        }
    }

    fn mismatch(&mut self, at: usize, value: &Json, field: &str, wanted: &str) {
        let (kind, name) = (value.kind(), self.name);
        self.fail(at, format!("json: cannot unmarshal {kind} into Go struct field {name}.{field} of type {wanted}"));
    }

    pub fn text(&mut self, field: &str) -> Option<&'j str> {
        match self.find(field)? {
            (_, Json::Text(text)) => Some(text),
            (at, other) => {
                self.mismatch(at, other, field, "string");
                None
            }
        }
    }

    pub fn flag(&mut self, field: &str) -> Option<bool> {
        match self.find(field)? {
            (_, Json::Bool(flag)) => Some(*flag),
            (at, other) => {
                self.mismatch(at, other, field, "bool");
                None
            }
        }
    }

    pub fn time(&mut self, field: &str) -> Option<Time> {
        let text = self.text(field)?;
        let at = self.find(field).map_or(0, |(at, _)| at);
        read_time(text).map_err(|why| self.fail(at, why)).ok()
    }

    /// A map from text to text; `null` reads as nothing.
    pub fn texts(&mut self, field: &str, type_name: &str) -> Option<Vec<(&'j str, &'j str)>> {
        match self.find(field)? {
            (at, Json::Object(pairs)) => {
                if let Some((_, bad)) = pairs.iter().find(|(_, v)| !matches!(v, Json::Text(_) | Json::Null)) {
                    self.mismatch(at, bad, field, "string");
                }
                let text = |v: &'j Json| if let Json::Text(text) = v { text.as_str() } else { "" };
                Some(pairs.iter().map(|(k, v)| (k.as_str(), text(v))).collect())
            }
            (at, other) => {
                self.mismatch(at, other, field, type_name);
                None
            }
        }
    }

    /// A list of objects, each read by `read`; `list` and `item` are what Go calls the types.
    pub fn list<T>(
        &mut self,
        field: &str,
        list: &str,
        item: &str,
        read: impl Fn(&'j Json) -> Result<T, String>,
    ) -> Option<Vec<T>> {
        match self.find(field)? {
            (at, Json::List(items)) => {
                let mut found = Vec::with_capacity(items.len());
                for value in items {
                    match value {
                        Json::Object(_) => match read(value) {
                            Ok(value) => found.push(value),
                            Err(why) => self.fail(at, why),
                        },
                        other => self.mismatch(at, other, field, item),
                    }
                }
                Some(found)
            }
            (at, other) => {
                self.mismatch(at, other, field, list);
                None
            }
        }
    }

    /// The first error, as Go tells it after it has read all.
    pub fn finish(self) -> Result<(), String> {
        self.wrong.map_or(Ok(()), |(_, why)| Err(why))
    }
}

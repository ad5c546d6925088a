//! The body of a range query's answer, written straight from the table: an answer may have millions of numbers, and the
//! series in between would cost more than working them out.

use super::table::{Grid, Table, is_absent};
use crate::golang::float::push_sample_bytes;
use crate::promql::Dialect;
use crate::promql::api;
use crate::promql::value::Annotations;

/// The text before a point's value, `,[1435781430.781,"`, in room that is copied whole.
#[derive(Clone, Copy)]
struct Stamp {
    text: [u8; Self::ROOM],
    length: usize,
}

impl Stamp {
    /// The longest text is that of the smallest time: 17 digits, sign and point beside 4 bytes of JSON.
    const ROOM: usize = 32;

    fn of(ms: i64) -> Self {
        let mut bytes = Vec::with_capacity(Self::ROOM);
        bytes.extend_from_slice(b",[");
        bytes.extend_from_slice(api::time_text(ms).as_bytes());
        bytes.extend_from_slice(b",\"");
        let length = bytes.len().min(Self::ROOM);
        bytes.resize(Self::ROOM, 0);
        let mut text = [0; Self::ROOM];
        text.copy_from_slice(&bytes[..Self::ROOM]);
        Self { text, length }
    }

    #[inline]
    fn push(&self, out: &mut Vec<u8>) {
        let end = out.len() + self.length;
        out.extend_from_slice(&self.text);
        out.truncate(end);
    }
}

/// So much is gathered before it is passed on.
const CHUNK: usize = 1 << 16;

/// Writes the body of a table of numbers, series in order of labels.
pub(super) fn write(
    table: &Table,
    grid: Grid,
    notes: &Annotations,
    query: &str,
    dialect: Dialect,
    pass_on: &mut dyn FnMut(&[u8]),
) {
    let stamps: Vec<Stamp> = (0..table.steps).map(|step| Stamp::of(grid.time(step))).collect();
    let mut order: Vec<usize> = (0..table.rows.len()).collect();
    order.sort_by(|a, b| table.rows[*a].labels.cmp(&table.rows[*b].labels));
    let mut out = Vec::with_capacity(2 * CHUNK);
    out.extend_from_slice(api::MATRIX_OPENING.as_bytes());
    let mut is_first = true;
    for row in order {
        let mut opened = false;
        for (cell, stamp) in table.row(row).iter().zip(&stamps) {
            if is_absent(*cell) {
                continue;
            }
            if opened {
                stamp.push(&mut out);
            } else {
                if !std::mem::take(&mut is_first) {
                    out.push(b',');
                }
                out.extend_from_slice(api::metric_text(&table.rows[row].labels, dialect).as_bytes());
                out.extend_from_slice(b",\"values\":[");
                out.extend_from_slice(&stamp.text[1..stamp.length]);
                opened = true;
            }
            push_sample_bytes(&mut out, *cell);
            out.extend_from_slice(b"\"]");
        }
        if opened {
            out.extend_from_slice(b"]}");
        }
        if out.len() > CHUNK {
            pass_on(&out);
            out.clear();
        }
    }
    out.extend_from_slice(api::matrix_closing(notes, query).as_bytes());
    pass_on(&out);
}

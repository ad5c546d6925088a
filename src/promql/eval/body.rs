//! The body of a range query's answer, written straight from the table: an answer may have millions of numbers, and the
//! series in between would cost more than working them out.

use super::table::{Grid, NOTHING, Table, is_absent};
use crate::golang::float::{SAMPLE_ROOM, write_sample};
use crate::promql::Dialect;
use crate::promql::api;
use crate::promql::value::Annotations;

/// A text of a few bytes in room that is copied whole, which is quicker than copying just as many.
#[derive(Clone, Copy)]
struct Piece {
    text: [u8; Self::ROOM],
    length: u8,
}

impl Piece {
    const ROOM: usize = SAMPLE_ROOM;

    /// What stands between the value of a point and that of the next, `"],[1435781430.781,"`. The smallest time has 20
    /// bytes beside these 6.
    fn before_value(ms: i64) -> Self {
        let mut piece = Self { text: [0; Self::ROOM], length: 0 };
        for byte in format!("\"],[{},\"", api::time_text(ms)).bytes().take(Self::ROOM) {
            piece.text[usize::from(piece.length)] = byte;
            piece.length += 1;
        }
        piece
    }

    fn value(v: f64) -> Self {
        let mut text = [0; Self::ROOM];
        let length = write_sample(&mut text, v) as u8;
        Self { text, length }
    }
}

/// The texts of values seen lately, by their bits: the same few come again and again in most series.
struct Values {
    known: Vec<(u64, Piece)>,
}

impl Values {
    const BITS: u32 = 8;

    fn new() -> Self {
        // An absent cell is never looked up, so its bits say that a place is empty.
        Self { known: vec![(NOTHING.to_bits(), Piece::value(0.0)); 1 << Self::BITS] }
    }

    #[inline]
    fn text(&mut self, v: f64) -> &Piece {
        let bits = v.to_bits();
        let place = bits.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> (u64::BITS - Self::BITS);
        let (known, piece) = &mut self.known[place as usize];
        if *known != bits {
            (*known, *piece) = (bits, Piece::value(v));
        }
        piece
    }
}

/// Text that is passed on in chunks.
struct Chunks<'a> {
    room: Vec<u8>,
    end: usize,
    pass_on: &'a mut dyn FnMut(&[u8]),
}

impl Chunks<'_> {
    /// So much is passed on at a time.
    const SIZE: usize = 1 << 16;

    fn text(&mut self, text: &[u8]) {
        for part in text.chunks(Self::SIZE) {
            self.room[self.end..self.end + part.len()].copy_from_slice(part);
            self.end += part.len();
            self.spill();
        }
    }

    #[inline]
    fn piece(&mut self, piece: &Piece) {
        self.room[self.end..self.end + Piece::ROOM].copy_from_slice(&piece.text);
        self.end += usize::from(piece.length);
    }

    #[inline]
    fn spill(&mut self) {
        if self.end >= Self::SIZE {
            (self.pass_on)(&self.room[..Self::SIZE]);
            self.room.copy_within(Self::SIZE..self.end, 0);
            self.end -= Self::SIZE;
        }
    }
}

/// Writes the body of a table of numbers, series in order of labels.
pub(super) fn write(
    table: &Table,
    grid: Grid,
    notes: &Annotations,
    query: &str,
    dialect: Dialect,
    pass_on: &mut dyn FnMut(&[u8]),
) {
    let stamps: Vec<Piece> = (0..table.steps).map(|step| Piece::before_value(grid.time(step))).collect();
    let mut order: Vec<usize> = (0..table.rows.len()).collect();
    order.sort_by(|a, b| table.rows[*a].labels.cmp(&table.rows[*b].labels));
    let mut values = Values::new();
    let mut out = Chunks { room: vec![0; 2 * Chunks::SIZE], end: 0, pass_on };
    out.text(api::MATRIX_OPENING.as_bytes());
    let mut is_first = true;
    for row in order {
        let mut points = table.row(row).iter().zip(&stamps).filter(|(cell, _)| !is_absent(**cell));
        let Some((cell, stamp)) = points.next() else { continue };
        if !std::mem::take(&mut is_first) {
            out.text(b",");
        }
        out.text(api::metric_text(&table.rows[row].labels, dialect).as_bytes());
        out.text(b",\"values\":[");
        // The first stamp without the end of a point before it.
        out.text(&stamp.text[3..usize::from(stamp.length)]);
        out.piece(values.text(*cell));
        for (cell, stamp) in points {
            out.piece(stamp);
            out.piece(values.text(*cell));
            out.spill();
        }
        out.text(b"\"]]}");
    }
    out.text(api::matrix_closing(notes, query).as_bytes());
    (out.pass_on)(&out.room[..out.end]);
}

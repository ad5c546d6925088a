//! Many subjects: worker processes, a journal on disk that survives any end, gradebooks and a page for the teacher.
//!
//! Everything a subject holds is hostile input. It is read in worker processes with limits of processor time, memory
//! and time on the clock; what comes back is a line of JSON, and every text of a student is escaped where it is shown.

pub mod batch;
pub mod clone;
pub mod content_key;
pub mod deadline;
pub mod export;
pub mod fraction;
pub mod gradebook;
pub mod index;
pub mod journal;
pub mod limits;
pub mod names;
pub mod outputs;
pub mod overview;
pub mod pool;
pub mod protocol;
pub mod reports;
pub mod review;
pub mod roster;
pub mod shard;
pub mod similarity;
pub mod subjects;
pub mod worker;

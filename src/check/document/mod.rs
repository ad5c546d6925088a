//! What a student wrote in Markdown: blocks with places, words of their own, commands, answers.

mod answers;
mod blocks;
mod commands;
mod words;

pub use answers::{Answer, Found, find_answer};
pub use blocks::{Block, BlockKind, Document};
pub use commands::kinds_of_commands;
pub use words::own_words;

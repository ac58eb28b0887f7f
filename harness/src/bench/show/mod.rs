//! The report for people.

mod html;
mod markdown;
mod svg;
mod table;
mod terminal;
#[cfg(test)]
mod tests;

pub use html::write as write_html;
pub use markdown::write as write_markdown;
pub use terminal::write as write_terminal;

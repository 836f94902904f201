//! The live view: a survey on a terminal, while it grows.
//!
//! ```text
//! judge's thread:   Tick --Snapshots--> Snapshot --Screen::show-->
//! screen's thread:  key --View--> draw(frame, view, snapshot)
//! ```
//!
//! What is drawn is a function of two values, the newest [`Snapshot`] and the [`View`] (tab, selections,
//! filter), and tests draw it without a terminal. A terminal that is slow or dead holds up its own thread
//! and nothing else.

mod answers;
mod draw;
mod list;
mod screen;
mod snapshot;
#[cfg(test)]
mod tests;
mod theme;
mod view;

pub use answers::Answers;
pub(crate) use draw::brief;
pub use draw::draw;
pub use screen::Screen;
pub use snapshot::{Snapshot, Snapshots};
pub use theme::Theme;
pub use view::{Action, Tab, View};

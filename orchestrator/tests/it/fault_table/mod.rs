//! The fault table: whatever goes wrong between this program and a Hub, with the real program, a real Hub
//! and a proxy between the two that lets it go wrong. A test is a row, or a part of one;
//! `docs/faults.md` has them all. What takes minutes is in the module of this name in `tests/full`.

mod broken;
#[cfg(target_os = "linux")]
mod full_disk;
mod hostile;
mod lost_answers;
mod odd_answers;
mod rivals;
pub mod stage;
mod storage;

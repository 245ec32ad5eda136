//! `.zip`.

use crate::files::sorted;
use crate::out::whole;
use crate::{Entry, PackageError};
use std::io;
use std::path::Path;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipWriter};

/// From how many bytes on a file needs the longer form of an entry, with room to spare for what does not
/// compress.
const LARGE: u64 = 0xf000_0000;

/// Writes a `.zip`, in the place of one that is there. All files have the one time, in seconds since 1970;
/// the format knows none before 1980.
///
/// # Errors
/// When a path cannot be used, or a file cannot be read or written; then nothing has changed.
pub fn write_zip(files: &[Entry], modified: u32, out: &Path) -> Result<(), PackageError> {
    let files = sorted(files)?;
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .last_modified_time(time(modified));
    whole(out, |file| {
        let mut archive = ZipWriter::new(file);
        for (path, entry) in &files {
            let (size, mut reader) = entry.open()?;
            let options = options
                .unix_permissions(entry.mode())
                .large_file(size >= LARGE);
            archive.start_file(*path, options)?;
            io::copy(&mut reader, &mut archive)?;
        }
        archive.finish()?;
        Ok(())
    })
}

fn time(seconds: u32) -> DateTime {
    let Ok(stamp) = jiff::Timestamp::from_second(seconds.into()) else {
        return DateTime::default();
    };
    let at = jiff::tz::Offset::UTC.to_datetime(stamp);
    let (year, month, day) = (at.year(), at.month(), at.day());
    let parts = [month, day, at.hour(), at.minute(), at.second()];
    // None of them is negative.
    let [month, day, hour, minute, second] = parts.map(i8::unsigned_abs);
    DateTime::from_date_and_time(year.unsigned_abs(), month, day, hour, minute, second)
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_utc_and_not_before_1980() {
        assert_eq!(time(1_700_000_000).to_string(), "2023-11-14 22:13:20");
        assert_eq!(time(0), DateTime::default());
    }
}

//! The version marker in an executable: 16 bytes of magic, the length of the version in two bytes
//! (little-endian), and the version as text.
//!
//! A program that can read markers carries one itself, and must not look as if it carried two. So
//! the magic stands nowhere in this crate: only its complement does, which is turned over while a
//! constant is evaluated (for the marker) or behind a barrier at run time (for the reader).
//!
//! The file is searched as plain bytes. What format an executable has, and which platform it is
//! for, is left to others.

use semver::Version;
use std::hint::black_box;
use std::io::{self, Read};

/// The longest version that a marker can hold, in bytes.
pub(crate) const MAX_VERSION_LEN: usize = 255;

const MAGIC_LEN: usize = 16;

/// Bytes before the version.
pub(crate) const HEADER_LEN: usize = MAGIC_LEN + 2;

/// Bytes of a marker that are not the version.
#[doc(hidden)]
pub const OVERHEAD: usize = HEADER_LEN;

/// The magic, every bit turned over. The bytes of the magic all differ, so it cannot overlap with
/// itself, and many are no text in any encoding, so no version can contain a part of it.
const COMPLEMENT: [u8; MAGIC_LEN] = [
    0x7e, 0xff, 0x3e, 0x0b, 0xe4, 0x51, 0x69, 0xf2, 0x02, 0x17, 0xec, 0x28, 0xf8, 0x46, 0x35, 0xe1,
];

/// How much is read at once.
const CHUNK: usize = 64 * 1024;

/// Why an executable's version could not be read from it.
#[derive(Debug)]
#[non_exhaustive]
pub enum MarkerError {
    /// There is no marker.
    None,
    /// There is more than one.
    Several {
        /// How many there are.
        count: usize,
    },
    /// Something begins like a marker and is none, for example because the file ends within it.
    Malformed {
        /// Where it begins, in bytes from the start of the file.
        offset: u64,
    },
    /// The file could not be read.
    Read(io::Error),
}

impl std::fmt::Display for MarkerError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::None => f.write_str("the executable has no version marker"),
            Self::Several { count } => {
                write!(
                    f,
                    "the executable has {count} version markers instead of one"
                )
            }
            Self::Malformed { offset } => {
                write!(f, "the version marker at byte {offset} is damaged")
            }
            Self::Read(_) => f.write_str("the executable could not be read"),
        }
    }
}

impl std::error::Error for MarkerError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::None | Self::Several { .. } | Self::Malformed { .. } => None,
            Self::Read(source) => Some(source),
        }
    }
}

/// The bytes of a marker. Only for use in constants: called at run time, it would leave the magic
/// in the program once more.
#[doc(hidden)]
pub const fn frame<const N: usize>(version: &str) -> [u8; N] {
    let text = version.as_bytes();
    assert!(N == OVERHEAD + text.len() && !text.is_empty() && text.len() <= MAX_VERSION_LEN);
    let mut bytes = [0; N];
    let mut at = 0;
    while at < MAGIC_LEN {
        bytes[at] = !COMPLEMENT[at];
        at += 1;
    }
    let [low, high, ..] = text.len().to_le_bytes();
    bytes[MAGIC_LEN] = low;
    bytes[MAGIC_LEN + 1] = high;
    let mut at = 0;
    while at < text.len() {
        bytes[HEADER_LEN + at] = text[at];
        at += 1;
    }
    bytes
}

/// Reads the version out of an executable that was built with `build_info!`.
///
/// The whole file is read, in pieces: memory does not grow with it. A file that joins programs for
/// several architectures has a marker for each, which counts as several.
///
/// # Errors
/// When the file does not hold exactly one well-formed marker, or cannot be read.
pub fn read_marker(mut reader: impl Read) -> Result<Version, MarkerError> {
    let search = Search::new();
    let mut buffer = Vec::with_capacity(CHUNK + HEADER_LEN + MAX_VERSION_LEN);
    // Where the buffer's first byte stands in the file.
    let mut start = 0_u64;
    let mut found = None;
    let mut count = 0;
    loop {
        let before = buffer.len();
        (&mut reader)
            .take(CHUNK as u64)
            .read_to_end(&mut buffer)
            .map_err(MarkerError::Read)?;
        let ended = buffer.len() - before < CHUNK;

        let mut done = 0;
        while let Some(at) = search.find(&buffer[done..]) {
            let at = done + at;
            match parse(&buffer[at..]) {
                Parsed::Version(version, len) => {
                    count += 1;
                    found = Some(version);
                    done = at + len;
                }
                Parsed::Incomplete if !ended => {
                    done = at;
                    break;
                }
                Parsed::Incomplete | Parsed::Damaged => {
                    return Err(MarkerError::Malformed {
                        offset: start + at as u64,
                    });
                }
            }
        }
        if ended {
            break;
        }
        // Kept for the next round: a marker that has begun, or bytes that may begin one.
        if !buffer[done..].starts_with(&search.magic) {
            done = done.max(buffer.len() - (MAGIC_LEN - 1));
        }
        buffer.drain(..done);
        start += done as u64;
    }
    match (found, count) {
        (None, _) => Err(MarkerError::None),
        (Some(version), 1) => Ok(version),
        (Some(_), count) => Err(MarkerError::Several { count }),
    }
}

enum Parsed {
    /// A marker with this version and of this length.
    Version(Version, usize),
    /// The bytes end within the marker.
    Incomplete,
    Damaged,
}

/// Reads the marker whose magic the bytes begin with.
fn parse(bytes: &[u8]) -> Parsed {
    let Some(&[low, high]) = bytes.get(MAGIC_LEN..HEADER_LEN) else {
        return Parsed::Incomplete;
    };
    let len = usize::from(u16::from_le_bytes([low, high]));
    if len == 0 || len > MAX_VERSION_LEN {
        return Parsed::Damaged;
    }
    let Some(text) = bytes.get(HEADER_LEN..HEADER_LEN + len) else {
        return Parsed::Incomplete;
    };
    std::str::from_utf8(text)
        .ok()
        .and_then(|text| Version::parse(text).ok())
        .map_or(Parsed::Damaged, |version| {
            Parsed::Version(version, HEADER_LEN + len)
        })
}

/// Looks for the magic by Horspool's method: where a window's last byte is not part of the magic,
/// the whole window is skipped, so that large executables are searched quickly without
/// optimisation too.
struct Search {
    magic: [u8; MAGIC_LEN],
    /// How far to move on when a window ends with this byte.
    skip: [usize; 256],
}

impl Search {
    fn new() -> Self {
        let magic = black_box(COMPLEMENT).map(|byte| !byte);
        let mut skip = [MAGIC_LEN; 256];
        for (at, &byte) in magic[..MAGIC_LEN - 1].iter().enumerate() {
            skip[usize::from(byte)] = MAGIC_LEN - 1 - at;
        }
        Self { magic, skip }
    }

    fn find(&self, bytes: &[u8]) -> Option<usize> {
        let mut at = 0;
        while let Some(window) = bytes.get(at..at + MAGIC_LEN) {
            if window == self.magic {
                return Some(at);
            }
            at += self.skip[usize::from(window[MAGIC_LEN - 1])];
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn marker(version: &str) -> Vec<u8> {
        let mut bytes: Vec<u8> = COMPLEMENT.iter().map(|byte| !byte).collect();
        bytes.extend(u16::try_from(version.len()).unwrap().to_le_bytes());
        bytes.extend(version.as_bytes());
        bytes
    }

    #[test]
    fn a_frame_is_what_the_reader_expects() {
        let bytes: [u8; OVERHEAD + 5] = frame("1.4.0");
        assert_eq!(bytes.to_vec(), marker("1.4.0"));
    }

    #[test]
    fn the_magic_cannot_overlap_with_itself() {
        let distinct: std::collections::BTreeSet<u8> = COMPLEMENT.into();
        assert_eq!(distinct.len(), MAGIC_LEN);
        let magic = COMPLEMENT.map(|byte| !byte);
        assert!(std::str::from_utf8(&magic).is_err());
    }

    #[test]
    fn other_versions_in_the_file_do_no_harm() {
        let file = [
            b"1.4.0\0v1.4.0 9.9.9".as_slice(),
            &marker("1.4.0"),
            b"1.4.0",
        ]
        .concat();
        assert_eq!(
            read_marker(&file[..]).unwrap(),
            Version::parse("1.4.0").unwrap()
        );
    }

    #[test]
    fn a_file_without_a_marker_is_refused() {
        for file in [b"".as_slice(), b"1.4.0", &marker("1.4.0")[1..]] {
            assert!(matches!(read_marker(file), Err(MarkerError::None)));
        }
    }

    #[test]
    fn two_markers_are_refused_even_when_they_agree() {
        let file = [marker("1.4.0"), marker("1.4.0")].concat();
        assert!(matches!(
            read_marker(&file[..]),
            Err(MarkerError::Several { count: 2 })
        ));
    }

    #[test]
    fn a_damaged_marker_is_refused_with_its_place() {
        let mut too_long = marker("1.4.0");
        too_long[MAGIC_LEN + 1] = 0xff;
        let truncated = &marker("1.4.0")[..HEADER_LEN + 3];
        let no_header = &marker("1.4.0")[..MAGIC_LEN + 1];
        for bad in [
            &marker("1.4"),
            &marker(""),
            &marker("v1.4.0"),
            &too_long,
            truncated,
            no_header,
        ] {
            let file = [&[7; 3 * CHUNK + 11], bad].concat();
            let error = read_marker(&file[..]).unwrap_err();
            let expected = 3 * CHUNK as u64 + 11;
            assert!(
                matches!(error, MarkerError::Malformed { offset } if offset == expected),
                "{error:?}"
            );
        }
    }

    #[test]
    fn a_reader_that_fails_is_reported_with_its_cause() {
        struct Broken;
        impl Read for Broken {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::Error::other("no disk"))
            }
        }
        let error = read_marker(Broken).unwrap_err();
        let cause = std::error::Error::source(&error).unwrap();
        assert_eq!(cause.to_string(), "no disk");
    }

    /// Gives at most so many bytes at once.
    struct Slow<'a>(&'a [u8], usize);

    impl Read for Slow<'_> {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            let len = into.len().min(self.1);
            self.0.read(&mut into[..len])
        }
    }

    proptest! {
        #[test]
        fn a_marker_is_found_wherever_it_stands(
            near in 0_usize..600,
            rounds in 1_usize..3,
            after in 0_usize..400,
            piece in 1_usize..2 * CHUNK,
            fill in any::<u8>(),
            version in r"(0|[1-9][0-9]{0,4})\.(0|[1-9][0-9]{0,4})\.0(-rc\.[1-9])?(\+[a-z]{1,200})?",
        ) {
            // From well before the end of a chunk to after it.
            let before = rounds * CHUNK - 300 + near;
            let file = [vec![fill; before], marker(&version), vec![fill; after]].concat();
            let read = read_marker(Slow(&file, piece)).unwrap();
            prop_assert_eq!(read.to_string(), version);
        }

        #[test]
        fn no_bytes_make_it_panic(
            parts in prop::collection::vec(
                prop_oneof![
                    prop::collection::vec(any::<u8>(), 0..40),
                    (0..HEADER_LEN + 5).prop_map(|len| marker("1.4.0")[..len].to_vec()),
                    Just(marker("1.4.0")),
                ],
                0..12,
            ),
            piece in 1_usize..64,
        ) {
            let file = parts.concat();
            // A cut marker can be completed by what follows it ("1.4." and a chance "1"), so
            // every five bytes that are a version count, not only those that were put in.
            let header = &marker("1.4.0")[..HEADER_LEN];
            let markers: Vec<Version> = file
                .windows(HEADER_LEN + 5)
                .filter_map(|window| window.strip_prefix(header))
                .filter_map(|version| std::str::from_utf8(version).ok()?.parse().ok())
                .collect();
            match read_marker(Slow(&file, piece)) {
                Ok(version) => prop_assert_eq!(vec![version], markers),
                Err(MarkerError::None) => prop_assert!(markers.is_empty()),
                Err(MarkerError::Several { count }) => prop_assert_eq!(count, markers.len()),
                Err(MarkerError::Malformed { offset }) => {
                    prop_assert!(usize::try_from(offset).unwrap() < file.len());
                }
                Err(MarkerError::Read(error)) => prop_assert!(false, "{error}"),
            }
        }
    }
}

//! What a program needs of the system that it is installed on, by what its file says. Pure.

use crate::inspect::Inspection;
use crate::products::Format;

/// Libraries that are part of glibc.
const GLIBC: [&str; 9] = [
    "libanl.so.1",
    "libc.so.6",
    "libdl.so.2",
    "libm.so.6",
    "libmvec.so.1",
    "libpthread.so.0",
    "libresolv.so.2",
    "librt.so.1",
    "libutil.so.1",
];

/// How glibc's loaders begin, which have the processor in their names.
const LOADER: &str = "ld-linux-";

/// The library of the compiler that Rust's unwinding is in, and Debian's package of it.
const LIBGCC: (&str, &str) = ("libgcc_s.so.1", "libgcc-s1");

/// What a program needs.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Needs {
    /// As the format writes it.
    pub known: Vec<String>,
    /// The libraries whose packages are not known.
    pub unknown: Vec<String>,
}

/// What an installer of a format says that a program needs.
pub(super) fn of(format: Format, inspection: &Inspection) -> Needs {
    let mut needs = Needs::default();
    let libraries = inspection.libraries.iter().map(String::as_str);
    let others = libraries.filter(|name| !GLIBC.contains(name) && !name.starts_with(LOADER));
    match format {
        Format::Deb => {
            if let Some(version) = &inspection.glibc {
                needs.known.push(format!("libc6 (>= {version})"));
            }
            for library in others {
                match library == LIBGCC.0 {
                    true => needs.known.push(LIBGCC.1.to_owned()),
                    false => needs.unknown.push(library.to_owned()),
                }
            }
        }
        // It knows packages by the libraries that they provide, and all our platforms have 64 bits.
        Format::Rpm => {
            if let Some(version) = &inspection.glibc {
                needs
                    .known
                    .push(format!("libc.so.6(GLIBC_{version})(64bit)"));
            }
            let provided = others.map(|library| format!("{library}()(64bit)"));
            needs.known.extend(provided);
        }
        Format::Pkg | Format::Zip => {}
    }
    needs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libraries_become_packages() {
        let inspection = Inspection {
            glibc: Some("2.34".to_owned()),
            libraries: [
                "ld-linux-x86-64.so.2",
                "libc.so.6",
                "libgcc_s.so.1",
                "libm.so.6",
                "libssl.so.3",
            ]
            .map(str::to_owned)
            .into(),
            ..Inspection::default()
        };
        let deb = of(Format::Deb, &inspection);
        assert_eq!(deb.known, ["libc6 (>= 2.34)", "libgcc-s1"]);
        assert_eq!(deb.unknown, ["libssl.so.3"]);
        let rpm = of(Format::Rpm, &inspection);
        assert_eq!(
            rpm.known,
            [
                "libc.so.6(GLIBC_2.34)(64bit)",
                "libgcc_s.so.1()(64bit)",
                "libssl.so.3()(64bit)"
            ]
        );
        assert!(rpm.unknown.is_empty());
        for format in [Format::Pkg, Format::Zip] {
            assert_eq!(of(format, &inspection), Needs::default());
        }
        // Linked statically it needs nothing.
        assert_eq!(of(Format::Deb, &Inspection::default()), Needs::default());
    }
}

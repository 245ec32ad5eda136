//! What a package may say that it needs, as each format writes it. Tools that read packages refuse what they cannot
//! understand, and the package with it, so it is looked at before there is one.

use crate::package::is_name;

/// Between a name and a version. dpkg still reads `<` and `>`, as `<=` and `>=`; Debian Policy has no such.
const DEB_COMPARISONS: [&str; 5] = ["<<", "<=", "=", ">=", ">>"];

/// Looks at what a `.deb` needs: one or several, with commas between them.
/// Source: Debian Policy, "Syntax of relationship fields", without what only sources may say (`[arch]`, `<profile>`).
///
/// # Errors
/// Why it cannot be read.
pub(crate) fn check_deb(text: &str) -> Result<(), &'static str> {
    let mut all = text.split(',').flat_map(|one| one.split('|'));
    all.try_for_each(check_deb_alternative)
}

fn check_deb_alternative(text: &str) -> Result<(), &'static str> {
    let (name, version) = match text.split_once('(') {
        None => (text, None),
        Some((name, rest)) => {
            let version = rest.trim_end().strip_suffix(')');
            let version = version.ok_or("does not end its version with `)`")?;
            (name, Some(version.trim()))
        }
    };
    let (name, arch) = match name.trim().split_once(':') {
        None => (name.trim(), None),
        Some((name, arch)) => (name, Some(arch)),
    };
    let is_arch = |arch: &str| {
        let fits = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        !arch.is_empty() && arch.bytes().all(fits)
    };
    if name.is_empty() {
        return Err("names no package between its commas and bars");
    }
    if !is_name(name) || !arch.is_none_or(is_arch) {
        return Err("does not begin with a package's name, such as `git` or `git:any`");
    }
    let Some(version) = version else {
        return Ok(());
    };
    let comparison = DEB_COMPARISONS.iter();
    let mut rest = comparison.filter_map(|comparison| version.strip_prefix(comparison));
    let version = rest.next().ok_or("compares by none of << <= = >= >>")?;
    match is_deb_version(version.trim()) {
        true => Ok(()),
        false => Err("compares with what is no version of Debian's, such as `1:2.30-1`"),
    }
}

/// Source: deb-version(7).
fn is_deb_version(text: &str) -> bool {
    let (epoch, text) = match text.split_once(':') {
        None => ("0", text),
        Some((epoch, rest)) => (epoch, rest),
    };
    let (upstream, revision) = match text.rsplit_once('-') {
        None => (text, "0"),
        Some((upstream, revision)) => (upstream, revision),
    };
    let fits = |b: u8| b.is_ascii_alphanumeric() || b".+~".contains(&b);
    is_epoch(epoch)
        && upstream.starts_with(|c: char| c.is_ascii_digit())
        && upstream.bytes().all(|b| fits(b) || b"-:".contains(&b))
        && !revision.is_empty()
        && revision.bytes().all(fits)
}

/// What dpkg and rpm can count.
fn is_epoch(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_digit()) && text.parse::<i32>().is_ok()
}

/// Looks at the name of what an `.rpm` needs: a package, a file, or what one provides, such as
/// `libc.so.6(GLIBC_2.34)(64bit)` or `font(:lang=en)`.
///
/// # Errors
/// Why it is none.
pub(crate) fn check_rpm_name(text: &str) -> Result<(), &'static str> {
    let begins = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '/';
    if !text.starts_with(begins) {
        return Err("does not begin with a letter, a digit, `_` or `/`");
    }
    if text.contains(',') {
        return Err("is more than one; each stands for itself");
    }
    let mut depth = 0_usize;
    for c in text.chars() {
        match c {
            '(' => depth += 1,
            ')' if depth == 0 => return Err("closes a bracket that is not open"),
            ')' => depth -= 1,
            '<' | '=' | '>' if depth == 0 => {
                return Err("needs blanks around its comparison, as in `git >= 2.30`");
            }
            _ => {}
        }
    }
    match depth {
        0 => Ok(()),
        _ => Err("leaves a bracket open"),
    }
}

/// Whether this is a version to compare with: `[epoch:]version[-release]`.
/// Source: rpm-version(7).
pub(crate) fn is_rpm_version(text: &str) -> bool {
    let (epoch, text) = match text.split_once(':') {
        None => ("0", text),
        Some((epoch, rest)) => (epoch, rest),
    };
    let (version, release) = match text.split_once('-') {
        None => (text, "1"),
        Some((version, release)) => (version, release),
    };
    let fits = |b: u8| b.is_ascii_alphanumeric() || b"._+~^".contains(&b);
    let is_part = |part: &str| {
        let is_said = part.bytes().any(|b| b.is_ascii_alphanumeric());
        is_said && part.bytes().all(fits)
    };
    is_epoch(epoch) && is_part(version) && is_part(release)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_debian_can_read_is_told_from_what_it_cannot() {
        for good in [
            "git",
            "git:any",
            "git (>= 1:2.30)",
            "git(>=1)",
            "git ( = 2.30-1-1~bpo+1 )",
            "git (>= 1.0) | git-core (<< 2:1:0-1), bash",
            "libstdc++6 (>> 4.1~rc1)",
            "7zip",
        ] {
            assert_eq!(check_deb(good), Ok(()), "{good}");
        }
        let (name, between) = ("package's name", "between its commas");
        for (bad, says) in [
            ("git (>= 1", "with `)`"),
            ("git (>=", "with `)`"),
            ("git (>=)", "no version"),
            ("git ()", "by none of"),
            ("git (1)", "by none of"),
            ("git (> 1)", "by none of"),
            ("git (>= 1) x", "with `)`"),
            ("git (>= 1)(<< 2)", "no version of Debian's"),
            ("git >= 1", name),
            ("Git Hub", name),
            ("Git", name),
            ("g", name),
            ("git:", name),
            ("git:Any", name),
            ("git [amd64]", name),
            ("git <!nocheck>", name),
            ("${shlibs:Depends}", name),
            ("a,,b", name),
            ("aa,,bb", between),
            (", ", between),
            ("git,", between),
            ("git |", between),
            ("libfoo (>= 1.0~~_x)", "no version of Debian's"),
            ("libfoo (>= x1)", "no version of Debian's"),
            ("libfoo (>= 1-)", "no version of Debian's"),
            ("libfoo (>= a:1)", "no version of Debian's"),
            ("libfoo (>= :1)", "no version of Debian's"),
            ("libfoo (>= 9999999999:1)", "no version of Debian's"),
        ] {
            let why = check_deb(bad).unwrap_err();
            assert!(why.contains(says), "{bad}: {why}");
        }
    }

    #[test]
    fn what_rpm_can_read_is_told_from_what_it_cannot() {
        for good in [
            "git",
            "/usr/bin/git",
            "_priv",
            "libstdc++.so.6()(64bit)",
            "libc.so.6(GLIBC_2.34)(64bit)",
            "font(:lang=en)",
            "perl(Foo::Bar)",
        ] {
            assert_eq!(check_rpm_name(good), Ok(()), "{good}");
        }
        for (bad, says) in [
            ("git>=2", "blanks around"),
            ("git=2", "blanks around"),
            ("git,bash", "more than one"),
            ("(git", "does not begin"),
            (">=", "does not begin"),
            ("lib(x", "leaves a bracket open"),
            ("lib)x(", "not open"),
        ] {
            let why = check_rpm_name(bad).unwrap_err();
            assert!(why.contains(says), "{bad}: {why}");
        }
        for good in ["2.30", "2.30-1", "1:2.30-1.fc40", "1.0~rc.1^git1+x_y"] {
            assert!(is_rpm_version(good), "{good}");
        }
        for bad in [
            "", ">=", "2.30-1-1", "2.30-", "-1", "a:1", ":1", "1:", "1,2", "~", "${v}",
        ] {
            assert!(!is_rpm_version(bad), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_them_panic(text in "[a-zé0-9 ,|():<>=~.+-]{0,16}") {
            let _any = (check_deb(&text), check_rpm_name(&text), is_rpm_version(&text));
        }
    }
}

//! Text that came from a server, made fit to be shown: one line, bounded, without secrets.

/// The longest text shown, in characters.
const MAX_CHARS: usize = 300;

/// The text on one line, without control and direction characters, at most 300 characters long.
/// Every occurrence of a secret and the query of every address become `***`.
pub(crate) fn shown(text: &str, secrets: &[&str]) -> String {
    // First, so that none of them stands in the middle of a secret and hides it from the next step.
    let mut text: String = text.chars().filter(|c| !is_invisible(*c)).collect();
    for secret in secrets.iter().filter(|s| !s.is_empty()) {
        text = text.replace(secret, "***");
    }
    let mut line = String::new();
    for word in text.split(|c: char| c.is_whitespace() || c.is_control()) {
        if word.is_empty() {
            continue;
        }
        if !line.is_empty() {
            line.push(' ');
        }
        match word
            .find("://")
            .and_then(|at| word[at..].find('?').map(|q| at + q))
        {
            Some(query) => {
                line.push_str(&word[..=query]);
                line.push_str("***");
            }
            None => line.push_str(word),
        }
    }
    match line.char_indices().nth(MAX_CHARS - 1) {
        Some((at, _)) if line[at..].chars().count() > 1 => format!("{}…", &line[..at]),
        _ => line,
    }
}

/// Characters that show nothing but change how the rest is read (Unicode UAX #9 and kin).
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_servers_sentence_becomes_one_harmless_line() {
        assert_eq!(shown(" a\r\n\u{1b}[31mb\u{202e}c\0 ", &[]), "a [31mbc");
        assert_eq!(
            shown("token atlas_app_1 is bad", &["atlas_app_1", ""]),
            "token *** is bad"
        );
        assert_eq!(
            shown("token atlas_\u{200b}app\u{feff}_1 is bad", &["atlas_app_1"]),
            "token *** is bad"
        );
        assert_eq!(
            shown("GET https://s.example/k?X-Sig=abc failed? yes", &[]),
            "GET https://s.example/k?*** failed? yes"
        );
    }

    #[test]
    fn a_long_sentence_is_cut() {
        assert_eq!(shown(&"é".repeat(300), &[]), "é".repeat(300));
        let cut = shown(&"é".repeat(301), &[]);
        assert_eq!((cut.chars().count(), cut.ends_with('…')), (300, true));
    }
}

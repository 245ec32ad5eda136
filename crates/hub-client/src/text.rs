//! Text that came from a server, made fit to be shown: one line, bounded, without secrets.

use reqwest::StatusCode;

/// The longest text shown, in characters.
const MAX_CHARS: usize = 300;

/// The longest text of a conflict, in characters: it names everything that is in the way.
const MAX_CONFLICT_CHARS: usize = 4000;

/// What a server says about a refusal, as [`shown`]; a conflict may be longer.
pub(crate) fn of_refusal(status: StatusCode, text: &str, secrets: &[&str]) -> String {
    match status {
        StatusCode::CONFLICT => bounded(text, secrets, MAX_CONFLICT_CHARS),
        _ => shown(text, secrets),
    }
}

/// The text on one line, without control and direction characters, at most 300 characters long.
/// Every occurrence of a secret and the query of every address become `***`.
pub(crate) fn shown(text: &str, secrets: &[&str]) -> String {
    bounded(text, secrets, MAX_CHARS)
}

fn bounded(text: &str, secrets: &[&str], most: usize) -> String {
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
    match line.char_indices().nth(most - 1) {
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
    fn a_conflict_names_all_that_is_in_the_way() {
        let text = "x".repeat(2000);
        let length = |status| of_refusal(status, &text, &[]).chars().count();
        assert_eq!(length(StatusCode::CONFLICT), 2000);
        assert_eq!(length(StatusCode::BAD_REQUEST), MAX_CHARS);
        let endless = "x".repeat(100_000);
        let cut = of_refusal(StatusCode::CONFLICT, &endless, &[]);
        assert_eq!(cut.chars().count(), MAX_CONFLICT_CHARS);
    }

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

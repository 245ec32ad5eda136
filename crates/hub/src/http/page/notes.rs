//! A release's notes, which their writers mean as Markdown, as HTML that nobody could do harm with.
//!
//! HTML among them stays a text that can be read, as all else that the page shows of what clients sent.
//! Links lead to the web alone, and pictures, which the page may not load, become links.

use pulldown_cmark::{CowStr, Event, HeadingLevel, Options, Parser, Tag, TagEnd, html};
use url::Url;

/// What CommonMark lacks and needs no attribute: one that styles, as of a table's columns, the page's
/// policy would not let through.
const OPTIONS: Options = Options::ENABLE_STRIKETHROUGH;

/// Notes as HTML.
pub(super) fn rendered(notes: &str) -> String {
    let mut safe = Safe::default();
    let events = Parser::new_ext(notes, OPTIONS).filter_map(|event| safe.event(event));
    let mut text = String::with_capacity(notes.len() * 2);
    html::push_html(&mut text, events);
    text
}

/// What is open in the notes at some point of them.
#[derive(Default)]
struct Safe {
    /// Whether each link and picture that is open is shown as a link.
    links: Vec<bool>,
}

impl Safe {
    /// What becomes of an event.
    fn event<'n>(&mut self, event: Event<'n>) -> Option<Event<'n>> {
        Some(match event {
            Event::Start(tag) => Event::Start(self.start(tag)?),
            Event::End(end) => Event::End(self.end(end)?),
            Event::Html(text) | Event::InlineHtml(text) => Event::Text(text),
            other => other,
        })
    }

    fn start<'n>(&mut self, tag: Tag<'n>) -> Option<Tag<'n>> {
        match tag {
            Tag::HtmlBlock => Some(Tag::Paragraph),
            // The page has headings of its own above them.
            Tag::Heading { level, .. } => Some(Tag::Heading {
                level: below(level),
                id: None,
                classes: Vec::new(),
                attrs: Vec::new(),
            }),
            Tag::Link {
                link_type,
                dest_url,
                title,
                id,
            }
            | Tag::Image {
                link_type,
                dest_url,
                title,
                id,
            } => {
                // No link has another one in it.
                let is_shown = !self.links.contains(&true) && leads_to_the_web(&dest_url);
                self.links.push(is_shown);
                is_shown.then_some(Tag::Link {
                    link_type,
                    dest_url,
                    title,
                    id,
                })
            }
            other => Some(other),
        }
    }

    fn end(&mut self, end: TagEnd) -> Option<TagEnd> {
        match end {
            TagEnd::HtmlBlock => Some(TagEnd::Paragraph),
            TagEnd::Heading(level) => Some(TagEnd::Heading(below(level))),
            TagEnd::Link | TagEnd::Image => {
                let was_shown = self.links.pop().unwrap_or(false);
                was_shown.then_some(TagEnd::Link)
            }
            other => Some(other),
        }
    }
}

/// The level of a heading of the notes on the page, where two are above it.
fn below(level: HeadingLevel) -> HeadingLevel {
    match level {
        HeadingLevel::H1 => HeadingLevel::H3,
        HeadingLevel::H2 => HeadingLevel::H4,
        HeadingLevel::H3 => HeadingLevel::H5,
        HeadingLevel::H4 | HeadingLevel::H5 | HeadingLevel::H6 => HeadingLevel::H6,
    }
}

fn leads_to_the_web(address: &CowStr<'_>) -> bool {
    Url::parse(address).is_ok_and(|url| matches!(url.scheme(), "http" | "https"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_write_is_shown_as_they_mean_it() {
        let notes =
            "# News\n\n- **faster**\n- `--quiet`\n\nSee [why](https://x.example/a?b=1&c).\n";
        assert_eq!(
            rendered(notes),
            "<h3>News</h3>\n<ul>\n<li><strong>faster</strong></li>\n<li><code>--quiet</code></li>\n\
             </ul>\n<p>See <a href=\"https://x.example/a?b=1&amp;c\">why</a>.</p>\n"
        );
        assert_eq!(
            rendered("One line.\nAnother."),
            "<p>One line.\nAnother.</p>\n"
        );
    }

    #[test]
    fn nothing_in_them_becomes_html_of_their_own() {
        for (notes, shown) in [
            (
                "a <b onclick=x>b</b>",
                "<p>a &lt;b onclick=x&gt;b&lt;/b&gt;</p>\n",
            ),
            (
                "<script>\nalert(1)\n</script>\n",
                "<p>&lt;script&gt;\nalert(1)\n&lt;/script&gt;\n</p>\n",
            ),
            ("<!-- x -->", "<p>&lt;!-- x --&gt;</p>\n"),
            ("[a](javascript:alert(1))", "<p>a</p>\n"),
            ("[a](JavaScript&colon;alert(1))", "<p>a</p>\n"),
            ("[a](data:text/html,x) [b](/runner)", "<p>a b</p>\n"),
            (
                "<javascript:x> <a@b.example>",
                "<p>javascript:x a@b.example</p>\n",
            ),
            ("[a][x]\n\n[x]: vbscript:y", "<p>a</p>\n"),
        ] {
            assert_eq!(rendered(notes), shown, "{notes}");
        }
    }

    #[test]
    fn pictures_are_links() {
        let link = "<p><a href=\"https://x.example/p.png\">a picture</a></p>\n";
        assert_eq!(rendered("![a picture](https://x.example/p.png)"), link);
        assert_eq!(rendered("![a picture](p.png)"), "<p>a picture</p>\n");
        assert_eq!(
            rendered("[![badge](https://x.example/b.svg)](https://x.example/)"),
            "<p><a href=\"https://x.example/\">badge</a></p>\n"
        );
    }
}

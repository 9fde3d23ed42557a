//! From, To, Contact, Route and their like: a display name, a URI, parameters (RFC 3261 §20.10, §25.1 `name-addr`).

use std::borrow::Cow;

use super::params::Params;
use super::scan::{DISPLAY, Scanner, URI, text, trim};
use super::uri::{Uri, UriFault, split_scheme};

/// One value as received.
#[derive(Clone, Copy, Debug)]
pub struct NameAddr<'a> {
    display: &'a [u8],
    /// The URI, whose scheme alone has been checked; `parsed_uri` takes it apart.
    pub uri: &'a str,
    pub params: Params<'a>,
}

impl<'a> NameAddr<'a> {
    /// Reads one value; `bytes` holds no comma list. None if the grammar is broken: an open quote, blanks within the brackets,
    /// a comma in a bare display name, a `?` in a URI without brackets (§20: it must have them).
    pub fn parse(bytes: &'a [u8]) -> Option<NameAddr<'a>> {
        let (display, uri, rest) = divide(bytes)?;
        Some(NameAddr { display, uri, params: Params::parse(rest)? })
    }

    /// The tag of a From or To, if it has one, read in the same pass that checks the grammar; None also of one that has two, or one
    /// without a value (§25.1 `tag-param`), since whoever adds a tag to that would make it two.
    pub(super) fn tag_of(bytes: &'a [u8]) -> Option<Option<&'a str>> {
        let (_, _, rest) = divide(bytes)?;
        match Params::parse_with(rest, "tag")? {
            (_, None) => Some(None),
            (_, Some(tag)) => tag.text().filter(|tag| !tag.is_empty()).map(Some),
        }
    }

    /// The display name without its quotes and escapes.
    pub fn display(&self) -> Cow<'a, str> {
        let name = String::from_utf8_lossy(self.display);
        if name.contains('\\') { Cow::Owned(unescaped(&name)) } else { name }
    }

    pub fn parsed_uri(&self) -> Result<Uri<'a>, UriFault> {
        Uri::parse(self.uri)
    }

    pub fn tag(&self) -> Option<&'a str> {
        self.params.value("tag").flatten()
    }

    /// None: not there. `Some(None)`: there without a value.
    pub fn param(&self, name: &str) -> Option<Option<&'a str>> {
        self.params.value(name)
    }
}

/// Display name, URI and parameters, the scheme of the URI checked.
fn divide(bytes: &[u8]) -> Option<(&[u8], &str, &[u8])> {
    let mut scanner = Scanner::new(bytes);
    scanner.blanks();
    let (display, uri) = bracketed(scanner).or_else(|| bare(scanner))?;
    let uri_end = uri.as_ptr().addr() - bytes.as_ptr().addr() + uri.len();
    let closing = usize::from(bytes.get(uri_end) == Some(&b'>'));
    split_scheme(uri).ok()?;
    Some((display, uri, trim(&bytes[uri_end + closing..])))
}

fn bracketed(mut scanner: Scanner<'_>) -> Option<(&[u8], &str)> {
    let display = match scanner.peek() {
        Some(b'"') => scanner.quoted()?,
        _ => trim(scanner.take(DISPLAY)),
    };
    scanner.blanks();
    scanner.eat(b'<').then_some(())?;
    let uri = scanner.some(URI)?;
    scanner.eat(b'>').then_some((display, text(uri)))
}

/// Without brackets the first `;` ends the URI, and what follows belongs to the header.
fn bare(mut scanner: Scanner<'_>) -> Option<(&[u8], &str)> {
    let uri = scanner.some(URI)?;
    let uri = uri.split(|byte| *byte == b';').next()?;
    let unambiguous = !uri.iter().any(|byte| matches!(byte, b'?' | b','));
    unambiguous.then_some((&[], text(uri)))
}

fn unescaped(name: &str) -> String {
    let mut letters = name.chars();
    std::iter::from_fn(|| match letters.next()? {
        '\\' => letters.next(),
        letter => Some(letter),
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> NameAddr<'_> {
        NameAddr::parse(text.as_bytes()).unwrap_or_else(|| panic!("{text} is well formed"))
    }

    #[test]
    fn rfc_4475_legal_spellings() {
        let table = [
            (
                r#""J Rosenberg \\\""       <sip:jdrosen@example.com>  ; tag = 98asjd8"#,
                r#"J Rosenberg \""#,
                Some("98asjd8"),
            ),
            ("sip:vivekg@chair-dnrc.example.com ;   tag    = 1918181833n", "", Some("1918181833n")),
            ("caller<sip:caller@example.com>;tag=323", "caller", Some("323")),
            (
                "token1~` token2'+_ token3*%!.- <sip:mundane@example.com>;p=\"\u{440}\";tag=_t",
                "token1~` token2'+_ token3*%!.-",
                Some("_t"),
            ),
            ("\"%Z%45\" <sip:resource@example.com>", "%Z%45", None),
            ("<name:John_Smith>", "", None),
        ];
        for (text, display, tag) in table {
            let value = read(text);
            assert_eq!((value.display().as_ref(), value.tag()), (display, tag), "{text}");
        }
    }

    #[test]
    fn a_quoted_angle_bracket_is_no_uri() {
        assert_eq!(read(r#""a < b" <sip:alice@h>"#).uri, "sip:alice@h");
        assert_eq!(read(r#""Mallory <sip:boss@h>" <sip:mallory@h>;x"#).uri, "sip:mallory@h");
    }

    #[test]
    fn rfc_4475_cparam01_and_02_parameters_belong_where_the_brackets_say() {
        let bare = read("sip:+19725552222@gw1.example.net;unknownparam");
        assert_eq!((bare.uri, bare.param("unknownparam")), ("sip:+19725552222@gw1.example.net", Some(None)));
        let inside = read("<sip:+19725552222@gw1.example.net;unknownparam>");
        assert_eq!(inside.uri, "sip:+19725552222@gw1.example.net;unknownparam");
        assert!(inside.params.is_empty());
    }

    #[test]
    fn a_tag_stands_there_once_and_has_a_value() {
        let tag = |text: &'static str| NameAddr::tag_of(text.as_bytes());
        assert_eq!(tag("<sip:bob@h>"), Some(None));
        assert_eq!(tag("<sip:bob@h>;x; TAG = a=b"), Some(Some("a=b")));
        for broken in
            ["<sip:bob@h>;tag", "<sip:bob@h>;tag=\"\"", "<sip:bob@h>;tag=a;Tag=b", "<sip:bob@h;tag=a"]
        {
            assert_eq!(tag(broken), None, "{broken}");
        }
    }

    #[test]
    fn broken_values_are_refused() {
        let table = [
            "\"Mr. J. User <sip:j.user@example.com>",
            "\"Watson, Thomas\" < sip:t.watson@example.org >",
            "Bell, Alexander <sip:a.g.bell@example.com>;tag=43",
            "sip:user@example.com?Route=%3Csip:sip.example.com%3E",
            "\"Joe\" <sip:joe@example.org>;;;;",
            "<sip:joe@example.org",
            "<sip:joe@example.org> trailing",
            "joe@example.org",
            "boss: <sip:joe@example.org>",
            "",
        ];
        for text in table {
            assert!(NameAddr::parse(text.as_bytes()).is_none(), "{text}");
        }
    }
}

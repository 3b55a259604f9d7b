//! Placeholders: what only the running environment knows, within texts of the manifest.

use super::SpecError;
use serde::Deserialize;
use std::ops::Range;
use toml::Spanned;

/// How placeholders are written, for messages.
const FORMS: &str = "{link:NAME}, {host:NAME}, {hosts:NAME:PORT}, {servers:NAME:PORT}, {instance}, {ca}, {certificate} \
                     and {certificate_key}, and in a component's template {listen}, {dir} and {setting:NAME}";
/// What makes certificates.
const ADD_TLS: &str = "add `tls = true` to";

/// Something that only the running environment knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Placeholder {
    /// `{link:NAME}`: this host's own way to a component, through the Toxiproxy on this host: `HOST:PORT`, and for
    /// several instances all of them, separated by commas.
    Link(String),
    /// `{host:NAME}`: the host of a component or process of one instance, reached directly.
    Host(String),
    /// `{hosts:NAME:PORT}`: all instances with their port, separated by commas.
    Hosts(String, u16),
    /// `{servers:NAME:PORT}`: one line `server HOST:PORT max_fails=1 fail_timeout=1s;` per instance, as nginx takes them in
    /// an `upstream`.
    Servers(String, u16),
    /// `{instance}`: the name of the instance itself.
    Instance,
    /// `{ca}`: the path of the certificate, in PEM, of the authority that has signed every certificate of the run.
    Ca,
    /// `{certificate}`: the path of the instance's own certificate, in PEM.
    Certificate,
    /// `{certificate_key}`: the path of the private key to it, in PEM.
    CertificateKey,
    /// `{listen}`: the port that the component listens on; in its template alone, and so are the following.
    Listen,
    /// `{dir}`: a folder of the instance's own that it may write to.
    Dir,
    /// `{setting:NAME}`: a value of the component's settings.
    Setting(String),
}

impl Placeholder {
    /// The component or process that it refers to.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::Link(name) | Self::Host(name) | Self::Hosts(name, _) | Self::Servers(name, _) => Some(name),
            Self::Instance | Self::Ca | Self::Certificate | Self::CertificateKey => None,
            Self::Listen | Self::Dir | Self::Setting(_) => None,
        }
    }

    /// What is wrong with it in a text of the manifest itself, if it has a meaning in a component's template alone.
    pub(crate) fn needs_template(&self) -> Option<String> {
        let form = match self {
            Self::Listen => "{listen}".to_owned(),
            Self::Dir => "{dir}".to_owned(),
            Self::Setting(name) => format!("{{setting:{name}}}"),
            _ => return None,
        };
        Some(format!("`{form}` has a meaning in a component's template alone"))
    }

    /// What is missing for it to mean something: in a text of `owner` (a component or process; `None` for a migration),
    /// which listens with TLS or does not (`own`), where somebody does or nobody (`any`).
    pub(crate) fn lacks_tls(&self, owner: Option<&str>, own: bool, any: bool) -> Option<String> {
        match (self, owner) {
            (Self::Ca, _) if !any => {
                Some(format!("`{{ca}}` has no meaning where nothing listens with TLS: {ADD_TLS} whoever does"))
            }
            (Self::Certificate | Self::CertificateKey, Some(owner)) if !own => {
                Some(format!("`{owner}` has no certificate: {ADD_TLS} it"))
            }
            (Self::Certificate | Self::CertificateKey, None) => {
                Some("a migration has no host of its own, and so no certificate".to_owned())
            }
            _ => None,
        }
    }

    /// Reads what stands between the braces.
    fn parse(inner: &str) -> Result<Self, String> {
        let wrong = || format!("`{{{inner}}}` is not a placeholder: there are {FORMS}");
        let fields: Vec<&str> = inner.split(':').collect();
        let port = |text: &str| text.parse::<u16>().ok().filter(|port| *port > 0);
        match fields.as_slice() {
            ["instance"] => Ok(Self::Instance),
            ["ca"] => Ok(Self::Ca),
            ["certificate"] => Ok(Self::Certificate),
            ["certificate_key"] => Ok(Self::CertificateKey),
            ["listen"] => Ok(Self::Listen),
            ["dir"] => Ok(Self::Dir),
            ["setting", name] if !name.is_empty() => Ok(Self::Setting((*name).to_owned())),
            ["link", name] if !name.is_empty() => Ok(Self::Link((*name).to_owned())),
            ["host", name] if !name.is_empty() => Ok(Self::Host((*name).to_owned())),
            ["hosts" | "servers", name, digits] if !name.is_empty() => {
                let port = port(digits).ok_or_else(|| format!("`{digits}` in `{{{inner}}}` is not a port"))?;
                let name = (*name).to_owned();
                Ok(if fields[0] == "hosts" { Self::Hosts(name, port) } else { Self::Servers(name, port) })
            }
            _ => Err(wrong()),
        }
    }
}

/// A text with placeholders.
///
/// A placeholder is `{`, a word of lower-case letters and underscores, and `:` or `}`. Every other brace stands for
/// itself, and so does one after `$`, so that JSON and nginx's own language need no escaping.
#[derive(Clone, Debug)]
pub struct Template {
    text: String,
    parts: Vec<Part>,
    span: Option<Range<usize>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    /// With its place in the text, in bytes.
    Placeholder(Placeholder, Range<usize>),
}

impl Template {
    /// Reads a text with placeholders. Whether their names exist is checked by the manifest.
    ///
    /// # Errors
    /// If something that looks like a placeholder is none; the message lists the forms, and the span is its place.
    pub fn parse(text: &str) -> Result<Self, SpecError> {
        let mut parts = Vec::new();
        let mut literal = String::new();
        let mut rest = text;
        while let Some(open) = rest.find('{') {
            let (before, braced) = rest.split_at(open);
            literal.push_str(before);
            match placeholder_at(braced).filter(|_| !literal.ends_with('$')) {
                Some(inner) => {
                    if !literal.is_empty() {
                        parts.push(Part::Text(std::mem::take(&mut literal)));
                    }
                    let start = text.len() - braced.len();
                    let span = start..start + inner.len() + 2;
                    let placeholder =
                        Placeholder::parse(inner).map_err(|what| SpecError::new(what, Some(span.clone())))?;
                    parts.push(Part::Placeholder(placeholder, span));
                    rest = &braced[inner.len() + 2..];
                }
                None => {
                    literal.push('{');
                    rest = &braced[1..];
                }
            }
        }
        literal.push_str(rest);
        if !literal.is_empty() {
            parts.push(Part::Text(literal));
        }
        Ok(Self { text: text.to_owned(), parts, span: None })
    }

    /// As it is written in the manifest.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The placeholders in it, in order.
    pub fn placeholders(&self) -> impl Iterator<Item = &Placeholder> {
        self.located().map(|(placeholder, _)| placeholder)
    }

    /// The placeholders in it with their places in the text, in bytes.
    pub(super) fn located(&self) -> impl Iterator<Item = (&Placeholder, Range<usize>)> {
        self.parts.iter().filter_map(|part| match part {
            Part::Placeholder(placeholder, span) => Some((placeholder, span.clone())),
            Part::Text(_) => None,
        })
    }

    /// The text with every placeholder replaced by what `resolve` says.
    ///
    /// # Errors
    /// Those of `resolve`.
    pub fn expand<E>(&self, mut resolve: impl FnMut(&Placeholder) -> Result<String, E>) -> Result<String, E> {
        self.parts
            .iter()
            .map(|part| match part {
                Part::Text(text) => Ok(text.clone()),
                Part::Placeholder(placeholder, _) => resolve(placeholder),
            })
            .collect()
    }

    /// Where in the manifest it stands, if it was read from there.
    pub(super) fn span(&self) -> Option<Range<usize>> {
        self.span.clone()
    }
}

/// What stands between the braces at the beginning of `braced`, if that looks like a placeholder.
fn placeholder_at(braced: &str) -> Option<&str> {
    let inner = &braced[1..braced.find('}')?];
    let word = inner.split(':').next().unwrap_or_default();
    let plain = !inner.contains(|c: char| c.is_whitespace() || c == '{');
    let of_word = |byte: u8| byte.is_ascii_lowercase() || byte == b'_';
    (plain && word.starts_with(|c: char| c.is_ascii_lowercase()) && word.bytes().all(of_word)).then_some(inner)
}

impl<'de> Deserialize<'de> for Template {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Spanned::<String>::deserialize(deserializer)?;
        let template = Self::parse(text.get_ref()).map_err(|mistake| serde::de::Error::custom(mistake.message))?;
        Ok(Self { span: Some(text.span()), ..template })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expanded(text: &str) -> Result<String, SpecError> {
        Template::parse(text)?.expand(|placeholder| Ok(format!("<{placeholder:?}>")))
    }

    #[test]
    fn every_form_is_read() {
        for (text, placeholder) in [
            ("{link:kafka}", Placeholder::Link("kafka".to_owned())),
            ("{host:office}", Placeholder::Host("office".to_owned())),
            ("{hosts:office:8080}", Placeholder::Hosts("office".to_owned(), 8080)),
            ("{servers:office:8080}", Placeholder::Servers("office".to_owned(), 8080)),
            ("{instance}", Placeholder::Instance),
            ("{ca}", Placeholder::Ca),
            ("{certificate}", Placeholder::Certificate),
            ("{certificate_key}", Placeholder::CertificateKey),
            ("{listen}", Placeholder::Listen),
            ("{dir}", Placeholder::Dir),
            ("{setting:rate.max}", Placeholder::Setting("rate.max".to_owned())),
        ] {
            assert_eq!(Template::parse(text).unwrap().placeholders().collect::<Vec<_>>(), [&placeholder], "{text}");
        }
    }

    #[test]
    fn placeholders_stand_anywhere_in_a_text() {
        assert_eq!(
            expanded("a {instance}{instance} ü {link:x}"),
            Ok("a <Instance><Instance> ü <Link(\"x\")>".to_owned())
        );
    }

    #[test]
    fn other_braces_stand_for_themselves() {
        for text in
            ["http { server { } }", "{\"a\":{}}", "${variable}", "x{3,5}", "{", "}", "{}", "{ instance }", "{a b}"]
        {
            assert_eq!(expanded(text), Ok(text.to_owned()));
        }
    }

    #[test]
    fn what_looks_like_a_placeholder_and_is_none_is_refused() {
        for text in [
            "{links:kafka}",
            "{link}",
            "{link:}",
            "{link:a:1}",
            "{hosts:a}",
            "{hosts:a:0}",
            "{hosts:a:65536}",
            "{instance:a}",
            "{certificate:a}",
            "{certificate_keys}",
            "{setting}",
            "{setting:}",
            "{listen:1}",
        ] {
            let error = Template::parse(&format!("ü{text} {{instance}}")).expect_err(text);
            assert_eq!(error.span, Some(2..2 + text.len()), "{text}");
        }
    }
}

//! What a submitted object says about its lead.
//!
//! Tables name their columns as their users like ("E-mail", "work_email", "First Name"), so names are compared by their
//! letters and digits alone. The body is read in one pass that also checks it; what no field asks for is skipped, not built.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Error, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use crate::decimal::number_as_text;

/// The fields of a lead that are understood. Each borrows from the body where it can.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Lead<'a> {
    pub(super) email: Option<Cow<'a, str>>,
    pub(super) domain: Option<Cow<'a, str>>,
    pub(super) id: Option<Cow<'a, str>>,
    pub(super) first_name: Option<Cow<'a, str>>,
    pub(super) last_name: Option<Cow<'a, str>>,
    pub(super) full_name: Option<Cow<'a, str>>,
    pub(super) company: Option<Cow<'a, str>>,
    pub(super) title: Option<Cow<'a, str>>,
    pub(super) phone: Option<Cow<'a, str>>,
    /// Where its result is to be posted.
    pub(super) callback_url: Option<Cow<'a, str>>,
    /// The value by which a table recognises duplicates.
    pub(super) dedupe: Option<Cow<'a, str>>,
}

/// The fields that the settings name, by their exact names.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct NamedFields<'f> {
    /// The one with an address for the result.
    pub(super) url: Option<&'f str>,
    /// The one that must not be twice in a table.
    pub(super) dedupe: Option<&'f str>,
}

impl<'a> Lead<'a> {
    /// Reads `body`, which must be one JSON object.
    pub(super) fn read(body: &'a [u8], named: NamedFields<'_>) -> Option<Self> {
        // The parser skips over strings without looking at their encoding, hence the check of the whole.
        let text = std::str::from_utf8(body).ok()?;
        let mut reader = serde_json::Deserializer::from_str(text);
        let lead = Reader { named }.deserialize(&mut reader).ok()?;
        reader.end().ok()?;
        Some(lead)
    }

    /// Whose row it is: the e-mail address, else the company's domain, else an id.
    pub(super) fn subject(&self) -> Option<&Cow<'a, str>> {
        [&self.email, &self.domain, &self.id].into_iter().flatten().find(|value| !value.is_empty())
    }

    fn field(&mut self, name: &str, url_field: Option<&str>) -> Option<&mut Option<Cow<'a, str>>> {
        if url_field == Some(name) {
            return Some(&mut self.callback_url);
        }
        let is = |known: &[&str]| known.iter().any(|known| same_name(name, known));
        match () {
            () if is(&["email", "emailaddress", "workemail", "personemail"]) => Some(&mut self.email),
            () if is(&["domain", "companydomain", "website", "companywebsite"]) => Some(&mut self.domain),
            () if is(&["id", "leadid", "externalid", "userid"]) => Some(&mut self.id),
            () if is(&["firstname"]) => Some(&mut self.first_name),
            () if is(&["lastname"]) => Some(&mut self.last_name),
            () if is(&["name", "fullname"]) => Some(&mut self.full_name),
            () if is(&["company", "companyname", "organization"]) => Some(&mut self.company),
            () if is(&["title", "jobtitle"]) => Some(&mut self.title),
            () if is(&["phone", "phonenumber"]) => Some(&mut self.phone),
            () => None,
        }
    }
}

/// Whether `name` has the letters and digits of `plain`, which has nothing else and no capitals.
fn same_name(name: &str, plain: &str) -> bool {
    let mut letters = name.bytes().filter(u8::is_ascii_alphanumeric).map(|byte| byte.to_ascii_lowercase());
    plain.bytes().all(|byte| letters.next() == Some(byte)) && letters.next().is_none()
}

#[derive(Clone, Copy)]
struct Reader<'f> {
    named: NamedFields<'f>,
}

impl<'de> DeserializeSeed<'de> for Reader<'_> {
    type Value = Lead<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Lead<'de>, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Reader<'_> {
    type Value = Lead<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Lead<'de>, A::Error> {
        let mut lead = Lead::default();
        while let Some(Text(name)) = map.next_key()? {
            let is_dedupe = self.named.dedupe == Some(&*name);
            let field = lead.field(&name, self.named.url);
            if field.is_none() && !is_dedupe {
                map.next_value::<IgnoredAny>()?;
            } else if let Some(value) = scalar(map.next_value()?)? {
                // The column may be one that is understood, too: `email`.
                if let Some(field) = field {
                    *field = Some(value.clone());
                }
                if is_dedupe {
                    lead.dedupe = Some(value);
                }
            }
        }
        Ok(lead)
    }
}

/// A string that borrows where it can.
#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

/// A string, or a number as its plain decimal, however it was written; `None` for any other value.
fn scalar<'a, E: Error>(value: &'a RawValue) -> Result<Option<Cow<'a, str>>, E> {
    let text = value.get();
    Ok(match text.as_bytes() {
        [b'"', ..] => Some(serde_json::from_str::<Text<'_>>(text).map_err(E::custom)?.0),
        [b'-' | b'0'..=b'9', ..] => Some(number_as_text(text)),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &str) -> Lead<'_> {
        let named = NamedFields { url: Some("callback_url"), dedupe: Some("key") };
        Lead::read(body.as_bytes(), named).unwrap()
    }

    #[test]
    fn columns_are_known_by_their_letters() {
        let lead = read(r#"{"E-Mail":"ada@acme.test","First Name":"Ada","lastName":"L","Company":"Acme","x":{"email":"no"}}"#);
        assert_eq!(lead.email.as_deref(), Some("ada@acme.test"));
        assert_eq!((lead.first_name.as_deref(), lead.last_name.as_deref()), (Some("Ada"), Some("L")));
        assert_eq!(lead.company.as_deref(), Some("Acme"));
        assert!(matches!(lead.email, Some(Cow::Borrowed(_))));
    }

    #[test]
    fn the_subject_is_the_mail_address_or_what_else_names_the_lead() {
        for (body, subject) in [
            (r#"{"id":7,"domain":"acme.test","email":"a@acme.test"}"#, Some("a@acme.test")),
            (r#"{"id":7,"domain":"acme.test","email":""}"#, Some("acme.test")),
            (r#"{"id":7,"email":null}"#, Some("7")),
            (r#"{"lead_id":"x-1","email":["a"]}"#, Some("x-1")),
            (r#"{"test":true}"#, None),
        ] {
            assert_eq!(read(body).subject().map(AsRef::as_ref), subject, "{body}");
        }
        assert_eq!(read(r#"{"callback_url":"http://x/"}"#).callback_url.as_deref(), Some("http://x/"));
        assert_eq!(read(r#"{"na\u006de":"Ad\u0061"}"#).full_name.as_deref(), Some("Ada"));
    }

    #[test]
    fn the_column_that_must_not_be_twice_may_be_any() {
        assert_eq!(read(r#"{"key":"k-1","email":"a@acme.test"}"#).dedupe.as_deref(), Some("k-1"));
        assert_eq!(read(r#"{"Key":"k-1"}"#).dedupe, None);
        let named = NamedFields { url: None, dedupe: Some("email") };
        let lead = Lead::read(br#"{"email":"a@acme.test"}"#, named).unwrap();
        assert_eq!((lead.email.as_deref(), lead.dedupe.as_deref()), (Some("a@acme.test"), Some("a@acme.test")));
    }

    #[test]
    fn only_whole_objects_are_read() {
        for bad in [&b""[..], b"[]", b"1", b"null", b"{", b"{}{}", b"{\"a\":}", b"{\"a\":\"\xff\"}", b"{\"email\":tru}", b"{1:2}"]
        {
            assert_eq!(Lead::read(bad, NamedFields::default()), None, "{bad:?}");
        }
        assert_eq!(Lead::read(b" {} \n", NamedFields::default()), Some(Lead::default()));
    }
}

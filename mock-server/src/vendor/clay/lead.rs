//! What a submitted object says about its lead.
//!
//! Tables name their columns as their users like ("E-mail", "work_email", "First Name"), so names are compared by their
//! letters and digits alone. The body is read in one pass that also checks it; what no field asks for is skipped, not built.

use std::borrow::Cow;
use std::fmt;

use serde::Deserializer;
use serde::de::{DeserializeSeed, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

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
}

impl<'a> Lead<'a> {
    /// Reads `body`, which must be one JSON object. `url_field` names the field with an address for the result.
    pub(super) fn read(body: &'a [u8], url_field: Option<&str>) -> Option<Self> {
        // The parser skips over strings without looking at their encoding, hence the check of the whole.
        let text = std::str::from_utf8(body).ok()?;
        let mut reader = serde_json::Deserializer::from_str(text);
        let lead = Reader { url_field }.deserialize(&mut reader).ok()?;
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
    url_field: Option<&'f str>,
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
        while let Some(Text(name)) = map.next_key_seed(Scalar)?.flatten() {
            match lead.field(&name, self.url_field) {
                Some(field) => {
                    if let Some(Text(value)) = map.next_value_seed(Scalar)? {
                        *field = Some(value);
                    }
                }
                None => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(lead)
    }
}

/// A string, or a number as text.
struct Text<'a>(Cow<'a, str>);

/// Reads any value; one that is no string and no number is read over.
struct Scalar;

impl<'de> DeserializeSeed<'de> for Scalar {
    type Value = Option<Text<'de>>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Scalar {
    type Value = Option<Text<'de>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_borrowed_str<E: Error>(self, value: &'de str) -> Result<Self::Value, E> {
        Ok(Some(Text(Cow::Borrowed(value))))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Self::Value, E> {
        Ok(Some(Text(Cow::Owned(value.to_owned()))))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Self::Value, E> {
        Ok(Some(Text(Cow::Owned(value.to_string()))))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Self::Value, E> {
        Ok(Some(Text(Cow::Owned(value.to_string()))))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Self::Value, E> {
        Ok(Some(Text(Cow::Owned(value.to_string()))))
    }

    fn visit_bool<E: Error>(self, _value: bool) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(None)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &str) -> Lead<'_> {
        Lead::read(body.as_bytes(), Some("callback_url")).unwrap()
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
    fn only_whole_objects_are_read() {
        for bad in [&b""[..], b"[]", b"1", b"null", b"{", b"{}{}", b"{\"a\":}", b"{\"a\":\"\xff\"}", b"{\"email\":tru}", b"{1:2}"]
        {
            assert_eq!(Lead::read(bad, None), None, "{bad:?}");
        }
        assert_eq!(Lead::read(b" {} \n", None), Some(Lead::default()));
    }
}

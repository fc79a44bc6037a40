//! What a provider knows of a lead.
//!
//! Whatever the lead says of itself is taken from it; the rest is made up from the seed and the lead's key, so that the same
//! lead always gets the same profile. No real person is described: names are the lead's own or absent, and telephone numbers
//! are of the range that is kept for fiction (555-0100 to 555-0199).

use std::borrow::Cow;

use serde::Serialize;

use super::lead::Lead;
use crate::seed::{Hash, Seed};

/// An enriched lead.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Profile {
    /// The e-mail address at work: the lead's, or made from its name and its company's domain.
    pub work_email: Option<String>,
    /// The whole name.
    pub full_name: Option<String>,
    /// The first name.
    pub first_name: Option<String>,
    /// The last name.
    pub last_name: Option<String>,
    /// The title.
    pub title: String,
    /// The telephone number.
    pub phone: String,
    /// The company's name: the lead's, or the domain's in plain words.
    pub company_name: Option<String>,
    /// The company's domain.
    pub company_domain: Option<String>,
    /// What the company does.
    pub company_industry: &'static str,
    /// How many it employs.
    pub company_employees: u32,
    /// The same as a range, as providers give it.
    pub company_size: &'static str,
    /// Where it is.
    pub company_country: &'static str,
    /// When it was founded.
    pub company_founded: u32,
}

const TITLES: [&str; 10] = [
    "Head of Growth",
    "Marketing Manager",
    "VP of Sales",
    "Revenue Operations Lead",
    "Software Engineer",
    "Product Manager",
    "Customer Success Manager",
    "Account Executive",
    "Finance Director",
    "Chief Technology Officer",
];
const INDUSTRIES: [&str; 10] = [
    "Software Development",
    "Financial Services",
    "Hospitals and Health Care",
    "Retail",
    "Advertising Services",
    "Business Consulting and Services",
    "Machinery Manufacturing",
    "Higher Education",
    "Telecommunications",
    "Transportation and Logistics",
];
const COUNTRIES: [&str; 8] =
    ["United States", "United Kingdom", "Germany", "France", "Canada", "Netherlands", "Australia", "Sweden"];
/// Employees up to which a range goes, and the range.
const SIZES: [(u32, &str); 6] =
    [(10, "1-10"), (50, "11-50"), (200, "51-200"), (1_000, "201-1,000"), (5_000, "1,001-5,000"), (u32::MAX, "5,001+")];

impl Profile {
    /// The profile of a lead that `key` names.
    pub(super) fn of(lead: &Lead<'_>, key: &[u8], seed: Seed) -> Self {
        let person = seed.hash("profile").part(key);
        let domain = domain(lead);
        // Leads of one company get one company.
        let company = seed.hash("company").part(domain.as_deref().map_or(key, str::as_bytes));
        let (first, last) = names(lead);
        let employees = employees(company.part(b"employees"));
        Self {
            work_email: email(lead, first.as_deref(), last.as_deref(), domain.as_deref()),
            full_name: lead
                .full_name
                .as_deref()
                .map(str::to_owned)
                .or_else(|| Some(format!("{} {}", first.as_ref()?, last.as_ref()?))),
            first_name: first,
            last_name: last,
            title: lead.title.as_deref().unwrap_or_else(|| pick(person.part(b"title"), &TITLES)).to_owned(),
            phone: lead.phone.as_deref().map_or_else(|| phone(person.part(b"phone")), str::to_owned),
            company_name: lead.company.as_deref().map(str::to_owned).or_else(|| domain.as_deref().map(in_words)),
            company_domain: domain,
            company_industry: pick(company.part(b"industry"), &INDUSTRIES),
            company_employees: employees,
            company_size: SIZES.iter().find(|(most, _)| employees <= *most).map_or("", |(_, size)| size),
            company_country: pick(company.part(b"country"), &COUNTRIES),
            company_founded: 1950 + below(company.part(b"founded"), 75),
        }
    }
}

/// A number from 0 to `end` − 1.
fn below(hash: Hash, end: u32) -> u32 {
    (hash.unit() * f64::from(end)) as u32
}

fn pick(hash: Hash, from: &[&'static str]) -> &'static str {
    from.get((hash.unit() * from.len() as f64) as usize).copied().unwrap_or_default()
}

/// From 2 to 20,000, small companies being the most: uniform in the logarithm.
fn employees(hash: Hash) -> u32 {
    (2.0 * 10_000_f64.powf(hash.unit())) as u32
}

fn phone(hash: Hash) -> String {
    format!("+1 {}-555-01{:02}", 201 + below(hash.part(b"area"), 700), below(hash, 100))
}

/// The company's domain: the lead's, without scheme and path, or that of its e-mail address.
fn domain(lead: &Lead<'_>) -> Option<String> {
    let named = lead.domain.as_deref().map(|domain| {
        let domain = domain.split_once("://").map_or(domain, |(_, rest)| rest);
        domain.split(['/', '?', '#']).next().unwrap_or_default().trim_start_matches("www.")
    });
    let of_mail = || lead.email.as_deref()?.rsplit_once('@').map(|(_, domain)| domain);
    named.filter(|domain| !domain.is_empty()).or_else(of_mail).map(str::to_ascii_lowercase)
}

/// First and last name: the lead's, or read from the whole name, or from an address like `ada.lovelace@…`.
fn names(lead: &Lead<'_>) -> (Option<String>, Option<String>) {
    let given = |name: &Option<Cow<'_, str>>| name.as_deref().filter(|name| !name.is_empty()).map(str::to_owned);
    let whole = lead.full_name.as_deref().and_then(|name| name.trim().rsplit_once(' '));
    let of_mail = || {
        let (local, _) = lead.email.as_deref()?.rsplit_once('@')?;
        let (first, rest) = local.split_once(['.', '_'])?;
        let last = rest.split(['.', '_', '+']).next()?;
        Some((capitalised(first), capitalised(last)))
    };
    let read = whole.map(|(first, last)| (first.to_owned(), last.to_owned())).or_else(of_mail);
    let (first, last) = read.unzip();
    (given(&lead.first_name).or(first), given(&lead.last_name).or(last))
}

fn email(lead: &Lead<'_>, first: Option<&str>, last: Option<&str>, domain: Option<&str>) -> Option<String> {
    if let Some(email) = lead.email.as_deref().filter(|email| email.contains('@')) {
        return Some(email.to_owned());
    }
    let plain = |name: &str| name.chars().filter(|letter| letter.is_alphanumeric()).collect::<String>().to_lowercase();
    Some(format!("{}.{}@{}", plain(first?), plain(last?), domain?))
}

/// `acme-corp.co.uk` as "Acme Corp".
fn in_words(domain: &str) -> String {
    let name = domain.split('.').next().unwrap_or(domain);
    let words: Vec<String> = name.split(['-', '_']).filter(|word| !word.is_empty()).map(capitalised).collect();
    words.join(" ")
}

fn capitalised(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn profile(body: &str) -> Profile {
        let lead = Lead::read(body.as_bytes(), Default::default()).unwrap();
        let key = lead.subject().map_or(body.as_bytes(), |subject| subject.as_bytes()).to_vec();
        Profile::of(&lead, &key, Seed(1))
    }

    #[test]
    fn what_the_lead_says_is_kept_and_the_rest_follows_from_it() {
        let found = profile(r#"{"email":"ada.lovelace@analytical-engines.co.uk","title":"Countess"}"#);
        assert_eq!(found.company_name.as_deref(), Some("Analytical Engines"));
        assert_eq!(found.company_domain.as_deref(), Some("analytical-engines.co.uk"));
        assert_eq!((found.full_name.as_deref(), found.title.as_str()), (Some("Ada Lovelace"), "Countess"));
        assert_eq!(found, profile(r#"{"title":"Countess","email":"ada.lovelace@analytical-engines.co.uk"}"#));

        let made = profile(r#"{"full_name":"Grace B. Hopper","website":"https://www.Acme.test/about?x"}"#);
        assert_eq!(made.work_email.as_deref(), Some("graceb.hopper@acme.test"));
        assert_eq!(made.company_name.as_deref(), Some("Acme"));
    }

    #[test]
    fn colleagues_share_their_company() {
        let (one, other) = (profile(r#"{"email":"a.b@acme.test"}"#), profile(r#"{"email":"c.d@acme.test"}"#));
        assert_eq!((one.company_employees, one.company_industry), (other.company_employees, other.company_industry));
        assert_ne!(one.phone, other.phone);
    }

    #[test]
    fn whatever_a_lead_says_there_is_a_profile() {
        for body in
            [r#"{}"#, r#"{"email":"@"}"#, r#"{"email":"a@"}"#, r#"{"domain":"://"}"#, r#"{"name":" "}"#, r#"{"email":"é._@ß"}"#]
        {
            let found = profile(body);
            assert!((2..=20_000).contains(&found.company_employees) && !found.company_size.is_empty(), "{body}: {found:?}");
            assert!(found.phone.contains("-555-01") && !found.title.is_empty());
        }
    }
}

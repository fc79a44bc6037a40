//! The exact value of a number as JSON writes it.
//!
//! A double holds 15 digits for certain. Two ids of 20 digits that are read as doubles are one id, and one of the two is lost.

use std::borrow::Cow;
use std::fmt;

/// A JSON number as the text of its value: `7` for `7.0`.
pub(crate) fn number_as_text(number: &str) -> Cow<'_, str> {
    Decimal::of(number).map_or(Cow::Borrowed(number), |value| value.to_string().into())
}

/// The value of a JSON number: two are equal when they are the same number, however they are written.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Decimal {
    is_negative: bool,
    /// Without zeros at either end; empty for zero.
    digits: String,
    /// The power of ten of the last digit.
    exponent: i64,
}

/// Powers of ten up to which a number is written out.
const WRITTEN_OUT: u64 = 400;

impl Decimal {
    /// The value of a number that is valid JSON; `None` where its exponent is beyond all use (64 bits).
    pub fn of(number: &str) -> Option<Self> {
        let (is_negative, number) = number.strip_prefix('-').map_or((false, number), |number| (true, number));
        let (mantissa, exponent) = number.split_once(['e', 'E']).unwrap_or((number, "0"));
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let all = format!("{whole}{fraction}");
        let all = all.trim_start_matches('0');
        let digits = all.trim_end_matches('0');
        let shift = (all.len() - digits.len()) as i64 - fraction.len() as i64;
        let exponent = exponent.parse::<i64>().ok()?.checked_add(shift)?;
        if digits.is_empty() {
            return Some(Self { is_negative: false, digits: String::new(), exponent: 0 });
        }
        Some(Self { is_negative, digits: digits.to_owned(), exponent })
    }
}

impl fmt::Display for Decimal {
    /// Plain digits, with a point where there is a fraction; a power of ten where that would be very long.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { is_negative, digits, exponent } = self;
        let sign = if *is_negative { "-" } else { "" };
        let zeros = |count: u64| "0".repeat(count as usize);
        if digits.is_empty() {
            return f.write_str("0");
        }
        if exponent.unsigned_abs() > WRITTEN_OUT {
            return write!(f, "{sign}{digits}e{exponent}");
        }
        match digits.len() as i64 + exponent {
            _ if *exponent >= 0 => write!(f, "{sign}{digits}{}", zeros(exponent.unsigned_abs())),
            whole if whole > 0 => write!(f, "{sign}{}.{}", &digits[..whole as usize], &digits[whole as usize..]),
            before => write!(f, "{sign}0.{}{digits}", zeros(before.unsigned_abs())),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn one_number_has_one_value_and_one_form() {
        for (forms, shown) in [
            (&["1", "1.0", "1e0", "10e-1", "0.1E+1"][..], "1"),
            (&["0", "-0", "0.000", "0e99"], "0"),
            (&["-1500", "-1.5e3", "-15E2"], "-1500"),
            (&["0.05", "5e-2", "0.0500"], "0.05"),
            (&["12.5", "125e-1"], "12.5"),
            (&["89014103211118510720", "8901410321111851072e1"], "89014103211118510720"),
            (&["1e999", "10e998"], "1e999"),
        ] {
            for form in forms {
                assert_eq!(Decimal::of(form), Decimal::of(forms[0]), "{form}");
                assert_eq!(Decimal::of(form).unwrap().to_string(), shown, "{form}");
            }
        }
        for (one, other) in [("89014103211118510720", "89014103211118510721"), ("0.1", "0.10000000000000000001"), ("1", "-1")] {
            assert_ne!(Decimal::of(one), Decimal::of(other), "{one}");
        }
        assert_eq!(Decimal::of("1e99999999999999999999"), None);
    }

    proptest! {
        #[test]
        fn the_form_has_the_value(digits in "[1-9][0-9]{0,30}", fraction in "(\\.[0-9]{1,30})?", exponent in -500_i64..500) {
            let value = Decimal::of(&format!("{digits}{fraction}e{exponent}")).unwrap();
            prop_assert_eq!(Decimal::of(&value.to_string()), Some(value));
        }
    }
}

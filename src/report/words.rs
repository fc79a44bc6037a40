//! Figures and texts in a reader's form, the same in every renderer.

use crate::gate::{Unit, without_zeros};
use crate::units::{format_count, three_figures};

/// A time on the load's clock, or a length of time: `0.85 s`, `24.3 s`, `2:05 min`.
pub(super) fn clock(us: u64) -> String {
    let seconds = us as f64 / 1e6;
    match seconds {
        s if s < 1.0 => without_zeros(&format!("{s:.2} s")),
        s if s < 120.0 => without_zeros(&format!("{s:.1} s")),
        s if s < 3_600.0 => format!("{}:{:02} min", s as u64 / 60, s as u64 % 60),
        s => format!("{}:{:02} h", s as u64 / 3_600, s as u64 / 60 % 60),
    }
}

/// A share of a whole: `0 %`, `1.25 %`.
pub(super) fn share(part: u64, whole: u64) -> String {
    if whole == 0 { "none".to_owned() } else { Unit::Fraction.format(part as f64 / whole as f64) }
}

/// `1 lead`, `142 leads`.
pub(super) fn plural(count: u64, singular: &str) -> String {
    format!("{} {singular}{}", format_count(count), if count == 1 { "" } else { "s" })
}

/// Requests a second.
pub(super) fn rate(value: f64) -> String {
    format!("{}/s", three_figures(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_short() {
        for (us, text) in
            [(0, "0 s"), (850_000, "0.85 s"), (24_300_000, "24.3 s"), (20_000_000, "20 s"), (125_000_000, "2:05 min")]
        {
            assert_eq!(clock(us), text);
        }
        assert_eq!(clock(5_400_000_000), "1:30 h");
    }

    #[test]
    fn one_is_not_many() {
        assert_eq!(plural(1, "lead"), "1 lead");
        assert_eq!(plural(1_420, "lead"), "1,420 leads");
    }
}

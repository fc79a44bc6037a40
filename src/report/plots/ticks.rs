//! Where an axis has its marks, and what they say.

/// A mark on an axis: its value and its label.
pub(super) type Tick = (f64, String);

/// Marks from 0 to at least `highest`, at 1, 2 or 5 times a power of ten, at most seven; the last is the axis's end.
pub(super) fn linear(highest: f64) -> Vec<Tick> {
    let highest = if highest.is_finite() && highest > 0.0 { highest } else { 1.0 };
    let rough = highest / 5.0;
    let power = 10_f64.powf(rough.log10().floor());
    let step =
        [1.0, 2.0, 5.0, 10.0].map(|factor| factor * power).into_iter().find(|step| *step >= rough * 0.999_999).unwrap_or(rough);
    let count = (highest / step - 1e-9).ceil().max(1.0) as u32;
    (0..=count).map(|index| f64::from(index) * step).map(|value| (value, plain(value, step))).collect()
}

/// Marks at 1, 2 and 5 times each power of ten that enclose `lowest` to `highest`, thinned to whole powers over four decades.
pub(super) fn logarithmic(lowest: f64, highest: f64, label: impl Fn(f64) -> String) -> Vec<Tick> {
    let low = lowest.max(1e-9);
    let high = highest.max(low * 1.01);
    let factors: &[f64] = if high / low > 1e4 { &[1.0] } else { &[1.0, 2.0, 5.0] };
    let (first, last) = (low.log10().floor() as i32, high.log10().ceil() as i32);
    let all: Vec<f64> = (first..=last).flat_map(|power| factors.iter().map(move |factor| factor * 10_f64.powi(power))).collect();
    let start = all.iter().rposition(|value| *value <= low * 1.000_001).unwrap_or(0);
    let end = all.iter().position(|value| *value >= high * 0.999_999).unwrap_or(all.len() - 1);
    all[start..=end].iter().map(|value| (*value, label(*value))).collect()
}

/// Marks on a time axis of `seconds`, at most eleven, at steps that a clock has; the second is the axis's title.
pub(super) fn time(seconds: f64) -> (Vec<Tick>, &'static str) {
    const STEPS: [f64; 15] = [0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1_800.0, 3_600.0];
    let step = STEPS.into_iter().find(|step| seconds / step <= 10.0).unwrap_or((seconds / 10.0 / 3_600.0).ceil() * 3_600.0);
    let (title, label): (_, fn(f64, f64) -> String) = match seconds {
        s if s <= 150.0 => ("time since the load began (seconds)", plain),
        s if s <= 2.0 * 3_600.0 => ("time since the load began (minutes:seconds)", |at, _| pair(at, 1.0)),
        _ => ("time since the load began (hours:minutes)", |at, _| pair(at, 60.0)),
    };
    let count = (seconds / step + 1e-9).floor() as u32;
    let marks = (0..=count).map(|index| f64::from(index) * step);
    (marks.map(|at| (at, label(at, step))).collect(), title)
}

fn pair(seconds: f64, unit: f64) -> String {
    let whole = (seconds / unit).round() as u64;
    format!("{}:{:02}", whole / 60, whole % 60)
}

/// A number with as many decimals as its step needs.
fn plain(value: f64, step: f64) -> String {
    let decimals = (-step.log10() - 1e-9).ceil().clamp(0.0, 6.0) as usize;
    if decimals == 0 { crate::units::format_count(value.round() as u64) } else { format!("{value:.decimals$}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(ticks: &[Tick]) -> Vec<&str> {
        ticks.iter().map(|(_, label)| label.as_str()).collect()
    }

    #[test]
    fn linear_marks_are_round_and_reach_the_highest_value() {
        assert_eq!(labels(&linear(7.0)), ["0", "2", "4", "6", "8"]);
        assert_eq!(labels(&linear(1_000.0)), ["0", "200", "400", "600", "800", "1,000"]);
        assert_eq!(labels(&linear(0.3)), ["0.0", "0.1", "0.2", "0.3"]);
        for highest in [0.0, -1.0, f64::NAN] {
            assert_eq!(linear(highest).last().unwrap().0, 1.0);
        }
        for highest in [0.001, 3.3, 99.0, 101.0, 12_345.0, 9e9] {
            let ticks = linear(highest);
            assert!(ticks.last().unwrap().0 >= highest * 0.999_999 && ticks.len() <= 7, "{highest}: {ticks:?}");
        }
    }

    #[test]
    fn logarithmic_marks_enclose_the_values() {
        let marks = |low, high| logarithmic(low, high, |v| format!("{v}")).into_iter().map(|(v, _)| v).collect::<Vec<_>>();
        assert_eq!(marks(12.0, 480.0), [10.0, 20.0, 50.0, 100.0, 200.0, 500.0]);
        assert_eq!(marks(10.0, 10.0), [10.0, 20.0]);
        assert_eq!(marks(1.0, 1e6).len(), 7);
    }

    #[test]
    fn a_time_axis_speaks_as_a_clock_does() {
        assert_eq!(labels(&time(40.0).0), ["0", "5", "10", "15", "20", "25", "30", "35", "40"]);
        assert_eq!(labels(&time(3.0).0), ["0.0", "0.5", "1.0", "1.5", "2.0", "2.5", "3.0"]);
        assert_eq!(labels(&time(960.0).0)[..3], ["0:00", "2:00", "4:00"]);
        assert_eq!(labels(&time(3.0 * 3_600.0).0)[1], "0:30");
        for seconds in [0.0, 0.5, 3.0, 61.0, 3_600.0, 1e6] {
            assert!(time(seconds).0.len() <= 11, "{seconds}");
        }
    }
}

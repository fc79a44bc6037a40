//! The grammar, and its parser. It is k6's (`metrics/thresholds_parser.go`, `ParseMetricName`), with a unit allowed where k6
//! knows only milliseconds:
//!
//! ```text
//! metric       -> name ( "{" tag ( "," tag )* "}" )?
//! tag          -> key ":" value
//! value        -> text without "," and "}" | quoted        (in quotes, a backslash takes what follows it as it is)
//! assertion    -> aggregation whitespace* operator whitespace* limit
//! aggregation  -> trend | rate | gauge | counter
//! counter      -> "count" | "rate"
//! gauge        -> "value"
//! rate         -> "rate"
//! trend        -> "avg" | "min" | "max" | "med" | percentile
//! percentile   -> "p(" float ")"
//! operator     -> ">" | ">=" | "<=" | "<" | "==" | "===" | "!="
//! limit        -> float | duration                 (a duration for trends only; a bare number is in ms)
//! duration     -> float ( "us" | "ms" | "s" | "m" | "h" )
//! float        -> digit+ ( "." digit+ )?
//! ```
//!
//! Stricter than k6, which accepts what can never fail or never has data: an aggregation must fit its metric, a tag must
//! be one that the metric has, and the limit of a share must be one.

use std::ops::Range;
use std::time::Duration;

use mock_server::percentage::{parse_percentage, percent_of, percentile_like_a_share};

use crate::measure::{Label, Values};
use crate::units::parse_duration;

use super::error::{Part, ThresholdError, nearest, one_of};
use super::metric::{Metric, MetricKind};
use super::scanner::Scanner;
use super::{Aggregation, OPERATORS, Operator, Threshold};

/// Reads one threshold: `metric` is `http_req_duration` or `http_req_duration{vendor:clay,status:200}`, `expression` is
/// `p(95)<500`, and `user_tags` are those that the plan gives to its samples. It does not end the run; the caller sets
/// `abort_on_fail`.
///
/// # Errors
/// At the first thing that is wrong: where it is, and what would be right.
pub fn parse(metric: &str, expression: &str, user_tags: &[&str]) -> Result<Threshold, ThresholdError> {
    let (parsed_metric, tags) = parse_metric(metric, user_tags)?;
    let (aggregation, operator, limit) = parse_expression(expression, parsed_metric)?;
    Ok(Threshold {
        metric: parsed_metric,
        tags,
        aggregation,
        operator,
        limit,
        source: format!("{}: {}", metric.trim(), expression.trim()),
        abort_on_fail: false,
        delay_abort_eval: Duration::ZERO,
    })
}

/// A metric and the tags that narrow it.
type Selection = (Metric, Vec<(String, String)>);

fn parse_metric(text: &str, user_tags: &[&str]) -> Result<Selection, ThresholdError> {
    let mut scanner = Scanner::new(text);
    scanner.skip_space();
    let (name, span) = scanner.take_while(|c| c != '{');
    let name = name.trim_end();
    let Some(metric) = Metric::all().find(|metric| metric.as_str() == name) else {
        let help = nearest(name, &Metric::all().map(Metric::as_str).collect::<Vec<_>>());
        return Err(in_metric(span.start..span.start + name.len(), format!("there is no metric `{name}`"), help));
    };
    let mut tags = Vec::new();
    if scanner.take("{") {
        loop {
            let start = scanner.at();
            let tag = parse_tag(&mut scanner, metric, user_tags)?;
            check_combination(metric, &tags, &tag).map_err(|(message, help)| in_metric(start..scanner.at(), message, help))?;
            tags.push(tag);
            if scanner.take("}") {
                break;
            }
            if !scanner.take(",") {
                return Err(in_metric(scanner.at()..text.len(), "the tags are not closed", "end them with `}`"));
            }
        }
    }
    scanner.skip_space();
    if scanner.is_done() {
        return Ok((metric, tags));
    }
    Err(in_metric(scanner.at()..text.len(), "nothing may follow the tags", "`}` ends the metric"))
}

fn parse_tag(scanner: &mut Scanner<'_>, metric: Metric, user_tags: &[&str]) -> Result<(String, String), ThresholdError> {
    let mut tags = metric.tags();
    tags.extend(user_tags.iter().filter(|_| metric.is_of_samples()));
    let (raw_key, key_span) = scanner.take_while(|c| !matches!(c, ':' | ',' | '}'));
    let (key, key_span) = unquoted(raw_key, key_span);
    if !tags.contains(&key) {
        let message = match key {
            "" => "a tag is missing".to_owned(),
            _ => format!("`{}` has no tag `{key}`", metric.as_str()),
        };
        let help = match tags.as_slice() {
            [] => format!("`{}` cannot be narrowed: leave out the braces", metric.as_str()),
            tags => nearest(key, tags),
        };
        return Err(in_metric(key_span, message, help));
    }
    if !scanner.take(":") {
        let at = scanner.at();
        return Err(in_metric(at..at, format!("the tag `{key}` has no value"), format!("write `{key}:value`")));
    }
    let (value, value_span) = parse_value(scanner);
    check_tag_value(key, &value).map_err(|help| in_metric(value_span, format!("`{key}` is never `{value}`"), help))?;
    Ok((key.to_owned(), value))
}

/// Refuses a tag that leaves nothing to be judged: a second value of one tag, or one that says itself what failed.
fn check_combination(
    metric: Metric,
    tags: &[(String, String)],
    (key, _): &(String, String),
) -> Result<(), (String, &'static str)> {
    if tags.iter().any(|(known, _)| known == key) {
        return Err((format!("the tag `{key}` is here twice, and no sample has two values of it"), "leave one of them out"));
    }
    if metric == Metric::HttpReqFailed && matches!(key.as_str(), "failure" | "expected_response") {
        let message = format!("`{key}` says itself which requests failed, so the share of them is always 0 or 1");
        return Err((message, "leave it out, or count them: `http_reqs` with this tag and `count`"));
    }
    Ok(())
}

/// A value in quotes, whatever it holds, or one that ends with a comma or a brace.
fn parse_value(scanner: &mut Scanner<'_>) -> (String, Range<usize>) {
    scanner.skip_space();
    let mut ahead = scanner.clone();
    let start = ahead.at();
    if let Some(value) = ["\"", "'"].into_iter().find_map(|quote| parse_quoted(&mut ahead, quote)) {
        let end = ahead.at();
        ahead.skip_space();
        if ahead.is_done() || ahead.rest().starts_with([',', '}']) {
            *scanner = ahead;
            return (value, start + 1..end - 1);
        }
    }
    let (value, _) = scanner.take_while(|c| !matches!(c, ',' | '}'));
    let value = value.trim_end();
    (value.to_owned(), start..start + value.len())
}

/// The text between two quotes of this kind; a backslash takes what follows it as it is.
fn parse_quoted(scanner: &mut Scanner<'_>, quote: &str) -> Option<String> {
    if !scanner.take(quote) {
        return None;
    }
    let mut value = String::new();
    loop {
        value.push_str(scanner.take_while(|c| c != '\\' && !quote.contains(c)).0);
        if scanner.take(quote) {
            return Some(value);
        }
        if !scanner.take("\\") {
            return None;
        }
        let escaped = scanner.rest().chars().next()?;
        scanner.take(&scanner.rest()[..escaped.len_utf8()]);
        value.push(escaped);
    }
}

/// Without the spaces and quotes around it, as in k6.
fn unquoted(text: &str, span: Range<usize>) -> (&str, Range<usize>) {
    let marks = |c: char| c.is_whitespace() || c == '"' || c == '\'';
    let start = span.start + (text.len() - text.trim_start_matches(marks).len());
    let inner = text.trim_matches(marks);
    (inner, start..start + inner.len())
}

fn check_tag_value(key: &str, value: &str) -> Result<(), String> {
    match Label::named(key).map(|label| &label.values) {
        Some(Values::OneOf(known)) if known().contains(&value) => Ok(()),
        Some(Values::OneOf(known)) => Err(nearest(value, &known())),
        Some(Values::Number(low, high)) => match value.parse::<u32>() {
            Ok(number) if (low..=high).contains(&&number) => Ok(()),
            _ => Err(format!("it is a whole number from {low} to {high}")),
        },
        Some(Values::Text) | None if value.is_empty() => Err(format!("write `{key}:value`")),
        Some(Values::Text) | None => Ok(()),
    }
}

fn parse_expression(text: &str, metric: Metric) -> Result<(Aggregation, Operator, f64), ThresholdError> {
    let mut scanner = Scanner::new(text);
    scanner.skip_space();
    let aggregation = parse_aggregation(&mut scanner, metric)?;
    scanner.skip_space();
    let operator = parse_operator(&mut scanner)?;
    scanner.skip_space();
    let start = scanner.at();
    let written = scanner.rest().trim_end();
    let limit = parse_limit(written, start, metric, aggregation)?;
    match foregone(metric, aggregation, operator, limit) {
        None => Ok((aggregation, operator, limit)),
        Some((outcome, help)) => Err(in_expression(start..start + written.len(), format!("this can never {outcome}"), help)),
    }
}

/// Whether a condition can never fail, or never hold, whatever is measured; with what it should be like.
fn foregone(metric: Metric, aggregation: Aggregation, operator: Operator, limit: f64) -> Option<(&'static str, String)> {
    let is_share = metric.kind() == MetricKind::Rate;
    // The seconds of a breaker have fractions.
    let is_whole = matches!(aggregation, Aggregation::Count | Aggregation::Value) && metric != Metric::BreakerOpenSeconds;
    let (low, high, between) = (limit <= 0.0, is_share && limit >= 1.0, is_whole && limit.fract() != 0.0);
    let outcome = match operator {
        // A share of nothing is no data, and fails: that there was something to judge is a condition.
        Operator::GreaterOrEqual if low && !is_share => "fail",
        Operator::LessOrEqual if high => "fail",
        Operator::NotEqual if between => "fail",
        Operator::Less if low => "hold",
        Operator::Greater if high => "hold",
        Operator::Equal if between => "hold",
        _ => return None,
    };
    let name = metric.as_str();
    let help = match (between, is_share) {
        (true, _) => format!("`{name}` is a whole number"),
        (false, true) => format!("`{name}` is always from 0 to 1"),
        (false, false) => format!("`{name}` is never below 0"),
    };
    Some((outcome, help))
}

fn parse_aggregation(scanner: &mut Scanner<'_>, metric: Metric) -> Result<Aggregation, ThresholdError> {
    let (written, span) = scanner.take_while(|c| !matches!(c, '<' | '>' | '=' | '!'));
    let name = written.trim_end();
    let span = span.start..span.start + name.len();
    let aggregation = match name {
        "avg" => Aggregation::Avg,
        "min" => Aggregation::Min,
        "max" => Aggregation::Max,
        "med" => Aggregation::Med,
        "count" => Aggregation::Count,
        "rate" => Aggregation::Rate,
        "value" => Aggregation::Value,
        _ => parse_percentile(name, &span, metric)?,
    };
    let kind = metric.kind();
    if kind.aggregations().contains(&name) || (kind == MetricKind::Trend && matches!(aggregation, Aggregation::Percentile(_))) {
        return Ok(aggregation);
    }
    let message = format!("`{}` is a {} and has no `{name}`", metric.as_str(), kind.as_str());
    Err(in_expression(span, message, one_of(kind.aggregations())))
}

fn parse_percentile(name: &str, span: &Range<usize>, metric: Metric) -> Result<Aggregation, ThresholdError> {
    if let Some(inner) = name.strip_prefix("p(").and_then(|rest| rest.strip_suffix(')')) {
        return match parse_float(inner.trim()) {
            Some(share) if share > 0.0 && share < 1.0 => Err(in_expression(
                span.start + 2..span.end - 1,
                percentile_like_a_share(share),
                format!("if the {0}th is meant, write p({0})", percent_of(share)),
            )),
            Some(percentile) if percentile <= 100.0 => Ok(Aggregation::Percentile(percentile)),
            _ => Err(in_expression(
                span.start + 2..span.end - 1,
                format!("`{inner}` is not a percentile"),
                "it is a number from 0 to 100: p(99.9)",
            )),
        };
    }
    let kind = metric.kind();
    let digits = name.trim_start_matches(['p', 'P', '(']).trim_end_matches(')');
    if kind == MetricKind::Trend && parse_float(digits).is_some() {
        return Err(in_expression(span.clone(), format!("`{name}` is not an aggregation"), format!("write p({digits})")));
    }
    let message =
        if name.is_empty() { "the aggregation is missing".to_owned() } else { format!("`{name}` is not an aggregation") };
    let help = format!("of a {}, {}, as in `{}`", kind.as_str(), one_of(kind.aggregations()), kind.example());
    Err(in_expression(span.clone(), message, help))
}

fn parse_operator(scanner: &mut Scanner<'_>) -> Result<Operator, ThresholdError> {
    let start = scanner.at();
    let (written, span) = scanner.clone().take_while(|c| matches!(c, '<' | '>' | '=' | '!'));
    if let Some((token, operator)) = OPERATORS.into_iter().find(|(token, _)| *token == written) {
        scanner.take(token);
        return Ok(operator);
    }
    let help = "it must be one of `<`, `<=`, `>`, `>=`, `==`, `===` or `!=`";
    match written {
        "" => Err(in_expression(start..start, "a comparison is missing", help)),
        _ => Err(in_expression(span, format!("`{written}` is not a comparison"), help)),
    }
}

fn parse_limit(text: &str, start: usize, metric: Metric, aggregation: Aggregation) -> Result<f64, ThresholdError> {
    let wrong = |message: String, help: String| Err(in_expression(start..start + text.len(), message, help));
    if text.is_empty() {
        return wrong("the limit is missing".to_owned(), format!("write one, as in `{}`", metric.kind().example()));
    }
    if let Some(number) = parse_float(text) {
        return match metric.kind() {
            MetricKind::Rate if number > 1.0 => wrong(
                format!("`{}` is a share and never above 1", metric.as_str()),
                format!("{number} % is {}", plain(number / 100.0)),
            ),
            _ => Ok(number),
        };
    }
    if text.ends_with('%') {
        let kind = metric.kind();
        return match parse_percentage(text) {
            Some(percent) if kind == MetricKind::Rate => Ok(percent / 100.0),
            _ => wrong(
                format!("`{text}` is no limit of a {}", kind.as_str()),
                format!("a {} is compared with a number, as in `{}`", kind.as_str(), kind.example()),
            ),
        };
    }
    match (metric.kind(), parse_duration(text)) {
        (MetricKind::Trend, Ok(duration)) => Ok(duration.as_secs_f64() * 1e3),
        (MetricKind::Trend, Err(_)) => wrong(
            format!("`{text}` is not a duration"),
            "write milliseconds without a unit (500), or a duration like 500ms or 1.5s".to_owned(),
        ),
        (kind, Ok(_)) if aggregation == Aggregation::Rate => wrong(
            format!("the rate of a {} is not a duration", kind.as_str()),
            format!("write a number, as in `{}`", MetricKind::Rate.example()),
        ),
        (kind, _) => {
            wrong(format!("`{text}` is not a number"), format!("write digits with at most one point, as in `{}`", kind.example()))
        }
    }
}

/// `digit+ ("." digit+)?`: what Rust reads beyond it (signs, exponents, `inf`, `.5`) is not a limit.
fn parse_float(text: &str) -> Option<f64> {
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let valid = match text.split_once('.') {
        Some((whole, fraction)) => digits(whole) && digits(fraction),
        None => digits(text),
    };
    if valid { text.parse().ok().filter(|number: &f64| number.is_finite()) } else { None }
}

/// A small number without the noise of binary fractions.
fn plain(number: f64) -> String {
    let text = format!("{number:.6}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn in_metric(span: Range<usize>, message: impl Into<String>, help: impl Into<String>) -> ThresholdError {
    ThresholdError { part: Part::Metric, span, message: message.into(), help: help.into() }
}

fn in_expression(span: Range<usize>, message: impl Into<String>, help: impl Into<String>) -> ThresholdError {
    ThresholdError { part: Part::Expression, span, message: message.into(), help: help.into() }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn condition(metric: &str, expression: &str) -> (Aggregation, Operator, f64) {
        let parsed = parse(metric, expression, &[]).unwrap_or_else(|error| panic!("{metric}: {expression}: {error}"));
        (parsed.aggregation, parsed.operator, parsed.limit)
    }

    #[test]
    fn what_k6_reads_is_read() {
        use Aggregation::{Avg, Count, Max, Med, Min, Percentile, Rate, Value};
        use Operator::{Equal, Greater, GreaterOrEqual, Less, LessOrEqual, NotEqual};
        let cases = [
            ("http_req_duration", "p(95)<500", (Percentile(95.0), Less, 500.0)),
            ("http_req_duration", "p(99.9) < 1.5s", (Percentile(99.9), Less, 1_500.0)),
            ("http_req_duration", " avg <= 200 ", (Avg, LessOrEqual, 200.0)),
            ("http_req_duration", "min>0.5", (Min, Greater, 0.5)),
            ("iteration_duration", "max<2m", (Max, Less, 120_000.0)),
            ("iteration_duration", "med<500ms", (Med, Less, 500.0)),
            ("http_req_failed", "rate<0.01", (Rate, Less, 0.01)),
            ("http_req_failed", "rate<1%", (Rate, Less, 0.01)),
            ("checks", "rate===1", (Rate, Equal, 1.0)),
            ("http_reqs", "count>=1000", (Count, GreaterOrEqual, 1_000.0)),
            ("http_reqs", "rate>80", (Rate, Greater, 80.0)),
            ("leads_lost", "count==0", (Count, Equal, 0.0)),
            ("queue_depth", "value!=7", (Value, NotEqual, 7.0)),
        ];
        for (metric, expression, expected) in cases {
            assert_eq!(condition(metric, expression), expected, "{metric}: {expression}");
        }
    }

    #[test]
    fn tags_are_read_in_order_without_quotes() {
        let parsed = parse("http_req_duration{vendor:clay, name:\"clay.webhook\",status: 200}", "p(95)<500", &[]).unwrap();
        let tags: Vec<_> = parsed.tags.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        assert_eq!(tags, [("vendor", "clay"), ("name", "clay.webhook"), ("status", "200")]);
        assert_eq!(parsed.source, "http_req_duration{vendor:clay, name:\"clay.webhook\",status: 200}: p(95)<500");
        assert_eq!(parse("checks{check:status is 200}", "rate>0.9", &[]).unwrap().tags[0].1, "status is 200");
    }

    #[test]
    fn any_text_can_be_selected() {
        for (written, value) in [
            ("search \"cto\"", "search \"cto\""),
            ("\"search 'cto'\"", "search 'cto'"),
            (" 'a, b' ", "a, b"),
            ("\"{id}\"", "{id}"),
            ("\" x \"", " x "),
            (r#""\"x\" \\ y""#, r#""x" \ y"#),
            ("'it''s'", "'it''s'"),
            ("\"open", "\"open"),
        ] {
            let parsed = parse(&format!("http_reqs{{name:{written},vendor:clay}}"), "count>1", &[]).expect(written);
            assert_eq!(parsed.tags, [("name", value), ("vendor", "clay")].map(|(key, value)| (key.to_owned(), value.to_owned())));
        }
    }

    #[test]
    fn a_tag_of_the_plan_selects_samples_and_nothing_else() {
        let parsed = parse("http_req_duration{team:growth,vendor:clay}", "p(95)<500", &["team"]).unwrap();
        assert_eq!(parsed.tags[0], ("team".to_owned(), "growth".to_owned()));
        assert!(parse("iterations{team:growth,scenario:spike}", "count>1", &["team"]).is_ok());
        let typo = parse("http_reqs{taem:growth}", "count>1", &["team"]).unwrap_err();
        assert_eq!(typo.help, "did you mean `team`?");
        assert!(parse("breaker_open_seconds{team:growth}", "count<1", &["team"]).is_err());
    }

    /// Each row: the two texts, what the error points at, and words of its message and help.
    #[test]
    fn what_is_wrong_is_pointed_at_with_what_would_be_right() {
        let cases = [
            ("http_req_durations", "p(95)<500", "http_req_durations", "no metric", "did you mean `http_req_duration`?"),
            ("cpu", "value<5", "cpu", "no metric", "`http_req_duration`, `http_req_latency`, `http_req_waiting`"),
            ("http_reqs{vendr:clay}", "count>1", "vendr", "no tag `vendr`", "did you mean `vendor`?"),
            ("leads_lost{vendor:clay}", "count==0", "vendor", "no tag", "leave out the braces"),
            ("http_reqs{vendor:klay}", "count>1", "klay", "`vendor` is never `klay`", "did you mean `clay`?"),
            ("http_reqs{status:20}", "count>1", "20", "never `20`", "from 100 to 599"),
            ("http_reqs{status}", "count>1", "", "no value", "write `status:value`"),
            ("http_reqs{}", "count>1", "", "a tag is missing", "`vendor`"),
            ("http_reqs{vendor:clay", "count>1", "", "not closed", "`}`"),
            ("http_reqs{vendor:clay}x", "count>1", "x", "nothing may follow", "`}`"),
            ("http_req_duration", "rate<0.01", "rate", "a trend and has no `rate`", "`avg`, `min`, `max`, `med` or `p(N)`"),
            ("http_req_failed", "p(95)<1", "p(95)", "a rate and has no `p(95)`", "`rate`"),
            ("http_req_duration", "p95<500", "p95", "not an aggregation", "write p(95)"),
            ("http_req_duration", "p(101)<500", "101", "not a percentile", "from 0 to 100"),
            ("http_req_duration", "mean<500", "mean", "not an aggregation", "`avg`"),
            ("http_req_duration", "<500", "", "aggregation is missing", "`p(95)<500`"),
            ("http_req_duration", "p(95)", "", "comparison is missing", "`<`"),
            ("http_req_duration", "p(95)=<500", "=<", "not a comparison", "`<=`"),
            ("http_req_duration", "p(95)<", "", "limit is missing", "p(95)<500"),
            ("http_req_duration", "p(95)<fast", "fast", "not a duration", "500ms"),
            ("http_req_duration", "p(95)<-1", "-1", "not a duration", "without a unit"),
            ("http_req_failed", "rate<101%", "101%", "no limit of a rate", "rate<0.01"),
            ("http_reqs", "count>1%", "1%", "no limit of a counter", "count<100"),
            ("http_req_duration", "p(0.95)<500", "0.95", "next to the lowest", "write p(95)"),
            ("http_req_failed", "rate<5", "5", "never above 1", "5 % is 0.05"),
            ("http_req_failed", "rate<1s", "1s", "not a duration", "rate<0.01"),
            ("leads_lost", "count<1s", "1s", "not a number", "digits"),
            ("leads_lost", "count<1e3", "1e3", "not a number", "digits"),
            ("leads_lost", "count>=0", "0", "can never fail", "never below 0"),
            ("http_req_duration", "p(95) < 0ms", "0ms", "can never hold", "never below 0"),
            ("http_req_failed", "rate<0", "0", "can never hold", "from 0 to 1"),
            ("http_req_failed", "rate<=1", "1", "can never fail", "from 0 to 1"),
            ("checks", "rate>1.0", "1.0", "can never hold", "from 0 to 1"),
            ("http_reqs", "count==1.5", "1.5", "can never hold", "whole number"),
            ("queue_depth", "value!=0.5", "0.5", "can never fail", "whole number"),
            ("http_reqs{vendor:clay,vendor:service}", "count>1", "vendor:service", "here twice", "leave one"),
            ("http_req_failed{failure:timeout}", "rate<0.1", "failure:timeout", "always 0 or 1", "`http_reqs`"),
            ("http_req_failed{expected_response:true}", "rate<0.1", "expected_response:true", "always 0 or 1", "`http_reqs`"),
        ];
        for (metric, expression, pointed, message, help) in cases {
            let error = parse(metric, expression, &[]).expect_err(expression);
            let text = if error.part == Part::Metric { metric } else { expression };
            assert_eq!(&text[error.span.clone()], pointed, "{metric}: {expression}: {error}");
            assert!(error.message.contains(message), "{metric}: {expression}: {error}");
            assert!(error.help.contains(help), "{metric}: {expression}: {error}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_the_parser_panic(metric in ".{0,40}", expression in ".{0,40}") {
            let _ = parse(&metric, &expression, &[]);
        }

        #[test]
        fn nearly_right_text_is_judged_and_its_error_lies_in_it(
            metric in "(http_req_duration|checks|queue_depth)(\\{[a-z:,é\"' }]{0,12})?",
            expression in "(p\\([0-9.é]{0,4}\\)?|avg|rate|value) ?[<>=!]{0,3} ?[0-9.]{0,4}(ms|s|%|µ)?",
        ) {
            if let Err(error) = parse(&metric, &expression, &[]) {
                let text = if error.part == Part::Metric { &metric } else { &expression };
                prop_assert!(text.get(error.span.clone()).is_some(), "{error:?}");
            }
        }

        #[test]
        fn every_plain_condition_is_read(percentile in 0_u32..=100, limit in 1_u32..100_000) {
            let (aggregation, _, read) = condition("http_req_duration", &format!("p({percentile})<{limit}"));
            prop_assert_eq!(aggregation, Aggregation::Percentile(f64::from(percentile)));
            prop_assert_eq!(read, f64::from(limit));
        }
    }
}

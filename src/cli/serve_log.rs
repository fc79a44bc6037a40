//! What a command that runs for long has to tell its operator, on standard error.
//!
//! A disk that is full fails every request, and a thousand equal lines a second hide the one that matters: a message that repeats the
//! last one is written once a second.

use log::{Level, LevelFilter, Log, Metadata, Record};
use parking_lot::Mutex;
use tokio::time::{Duration, Instant};

use super::output;

/// How soon the same message is written again.
const AGAIN_AFTER: Duration = Duration::from_secs(1);

/// Prints what this program says: warnings and errors as such.
struct ToStderr {
    last: Mutex<Option<(String, Instant)>>,
}

/// From now on it is written.
pub(super) fn install() {
    // A logger that is there already, as in a test, stays.
    if log::set_boxed_logger(Box::new(ToStderr { last: Mutex::new(None) })).is_ok() {
        log::set_max_level(LevelFilter::Info);
    }
}

impl ToStderr {
    fn is_news(&self, message: &str) -> bool {
        let mut last = self.last.lock();
        let is_news = last.as_ref().is_none_or(|(printed, at)| printed != message || at.elapsed() >= AGAIN_AFTER);
        if is_news {
            *last = Some((message.to_owned(), Instant::now()));
        }
        is_news
    }
}

impl Log for ToStderr {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("plimsoll")
    }

    fn log(&self, record: &Record<'_>) {
        if self.enabled(record.metadata()) {
            let message = match record.level() {
                Level::Error => format!("error: {}", record.args()),
                Level::Warn => format!("warning: {}", record.args()),
                _ => record.args().to_string(),
            };
            if self.is_news(&message) {
                output::remark(message);
            }
        }
    }

    fn flush(&self) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_same_message_is_printed_once_a_second() {
        let log = ToStderr { last: Mutex::new(None) };
        assert!(log.is_news("full"));
        assert!(!log.is_news("full"));
        assert!(log.is_news("gone"));
        tokio::time::advance(AGAIN_AFTER).await;
        assert!(log.is_news("gone"));
    }
}

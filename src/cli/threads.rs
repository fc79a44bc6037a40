//! The threads that a command works on.

use tokio::runtime::Runtime;

/// Does `work` on new threads. Those of its tasks that are left then, such as connections to vendors, need no orderly end.
///
/// # Errors
/// When the threads `of` this cannot be started.
pub(super) fn on_threads<T>(of: &str, work: impl Future<Output = T>) -> Result<T, String> {
    let runtime = Runtime::new().map_err(|error| format!("cannot start the threads of {of}: {error}"))?;
    let done = runtime.block_on(work);
    runtime.shutdown_background();
    Ok(done)
}

//! How long the tests wait for what is to happen: on a machine that is busy with other things only
//! what hangs takes so long.

use std::time::{Duration, Instant};

/// The longest that anything may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(180);

/// Asks again and again until there is an answer.
#[allow(dead_code, reason = "not every suite asks")]
#[track_caller]
pub(crate) fn until<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + PATIENCE;
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(Instant::now() < end, "{what}: not so in {PATIENCE:?}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

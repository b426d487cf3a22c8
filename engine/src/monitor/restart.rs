//! Pure: whether a container that ended is started again, and when.

use std::time::Duration;

use crate::error::{Kind, Result, refuse};
use crate::model::{RestartPolicy, State, Status};

/// The first wait; each next one is twice as long.
const FIRST: Duration = Duration::from_millis(100);

/// The longest wait.
const LONGEST: Duration = Duration::from_secs(60);

/// A run that lasted so long was a success: the waits begin anew.
const STEADY: Duration = Duration::from_secs(10);

/// Whether a policy makes sense.
///
/// # Errors
/// In Docker's words.
pub fn check(policy: &RestartPolicy, auto_remove: bool) -> Result<()> {
    let words = match policy.name.as_str() {
        "" | "no" | "always" | "unless-stopped" if policy.maximum_retry_count > 0 => format!(
            "invalid restart policy: maximum retry count can only be used with 'on-failure', \
             not with '{}'",
            policy.name
        ),
        "" | "no" => return Ok(()),
        "always" | "unless-stopped" | "on-failure" if !auto_remove => return Ok(()),
        "always" | "unless-stopped" | "on-failure" => {
            "can't create 'AutoRemove' container with restart policy".to_owned()
        }
        other => format!(
            "invalid restart policy: unknown policy '{other}'; use one of 'no', 'always', \
             'on-failure', or 'unless-stopped'"
        ),
    };
    Err(refuse(Kind::Invalid, words))
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ended {
    pub(super) exit_code: i32,
    pub(super) lasted: Duration,
    /// Somebody asked for it.
    pub(super) by_request: bool,
    /// Restarts before this run.
    pub(super) restarts: u32,
    /// The wait before this run.
    pub(super) waited: Duration,
}

/// The wait before the next run, if there is one.
pub(super) fn wait(policy: &RestartPolicy, ended: Ended) -> Option<Duration> {
    let again = match policy.name.as_str() {
        _ if ended.by_request => false,
        "always" | "unless-stopped" => true,
        "on-failure" => ended.exit_code != 0 && may_retry(policy, ended.restarts),
        _ => false,
    };
    let steady = ended.lasted >= STEADY || ended.waited.is_zero();
    again.then(|| if steady { FIRST } else { (ended.waited * 2).min(LONGEST) })
}

/// Whether a container that does not run is to be started when the machine has started.
pub fn is_due(policy: &RestartPolicy, state: &State) -> bool {
    let ended = state.status == Status::Exited;
    ended
        && match policy.name.as_str() {
            "always" => true,
            "unless-stopped" => !state.stopped_by_request,
            "on-failure" => {
                !state.stopped_by_request
                    && state.exit_code != 0
                    && may_retry(policy, state.restart_count)
            }
            _ => false,
        }
}

/// Whether a policy lets a container that failed be started again after so many restarts.
fn may_retry(policy: &RestartPolicy, restarts: u32) -> bool {
    policy.maximum_retry_count == 0 || restarts < policy.maximum_retry_count
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(name: &str, maximum_retry_count: u32) -> RestartPolicy {
        RestartPolicy { name: name.into(), maximum_retry_count }
    }

    const FAILED: Ended = Ended {
        exit_code: 1,
        lasted: Duration::ZERO,
        by_request: false,
        restarts: 0,
        waited: Duration::ZERO,
    };

    #[test]
    fn a_policy_decides_by_exit_code_count_and_request() {
        assert_eq!(wait(&policy("no", 0), FAILED), None);
        assert_eq!(wait(&policy("always", 0), FAILED), Some(FIRST));
        assert_eq!(wait(&policy("always", 0), Ended { by_request: true, ..FAILED }), None);
        assert_eq!(wait(&policy("on-failure", 0), Ended { exit_code: 0, ..FAILED }), None);
        let twice = policy("on-failure", 2);
        assert!(wait(&twice, Ended { restarts: 1, ..FAILED }).is_some());
        assert_eq!(wait(&twice, Ended { restarts: 2, ..FAILED }), None);
    }

    #[test]
    fn waits_double_up_to_a_minute_and_begin_anew_after_a_steady_run() {
        let always = policy("always", 0);
        let again = |waited, lasted| wait(&always, Ended { waited, lasted, ..FAILED }).unwrap();
        assert_eq!(again(FIRST, Duration::ZERO), FIRST * 2);
        assert_eq!(again(LONGEST, Duration::ZERO), LONGEST);
        assert_eq!(again(LONGEST, STEADY), FIRST);
    }

    #[test]
    fn after_a_reboot_runs_what_was_not_stopped() {
        let ended = State { status: Status::Exited, exit_code: 1, ..State::default() };
        let stopped = State { stopped_by_request: true, ..ended.clone() };
        let gave_up = State { restart_count: 3, ..ended.clone() };
        let created = State::default();
        for (name, retries, due) in [
            ("no", 0, [false; 4]),
            ("always", 0, [true, true, true, false]),
            ("unless-stopped", 0, [true, false, true, false]),
            ("on-failure", 0, [true, false, true, false]),
            ("on-failure", 3, [true, false, false, false]),
        ] {
            let states = [&ended, &stopped, &gave_up, &created];
            let policy = policy(name, retries);
            assert_eq!(states.map(|state| is_due(&policy, state)), due, "{policy:?}");
        }
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        assert!(check(&policy("on-failure", 3), false).is_ok());
        assert!(check(&policy("always", 3), false).is_err());
        assert!(check(&policy("always", 0), true).is_err());
        assert!(check(&policy("sometimes", 0), false).is_err());
    }
}

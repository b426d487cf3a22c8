//! Whether the program is well: another program is run beside it now and then, and what it ends
//! with is counted.

use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::relay::{End, pipe};
use super::{Monitor, check_file};
use crate::error::{Context, Result, told};
use crate::model::{Event, Health, Healthcheck, Probe};
use crate::store::durable::Durability;
use crate::time;
use crate::time::Time;

/// The checks that are remembered.
const REMEMBERED: usize = 5;

/// The exit code of a check that did not end by itself.
const NO_CODE: i32 = -1;

const STARTING: &str = "starting";
const HEALTHY: &str = "healthy";
const UNHEALTHY: &str = "unhealthy";

/// When checks are made, and what they count for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Plan {
    interval: Duration,
    timeout: Duration,
    start_period: Duration,
    start_interval: Duration,
    retries: u32,
}

impl Plan {
    fn read(check: &Healthcheck) -> Plan {
        let or = |nanos: i64, seconds: u64| match u64::try_from(nanos) {
            Ok(nanos @ 1..) => Duration::from_nanos(nanos),
            _ => Duration::from_secs(seconds),
        };
        Plan {
            interval: or(check.interval, 30),
            timeout: or(check.timeout, 30),
            start_period: or(check.start_period, 0),
            start_interval: or(check.start_interval, 5),
            retries: u32::try_from(check.retries).ok().filter(|n| *n > 0).unwrap_or(3),
        }
    }

    /// The wait before the next check.
    fn wait(&self, health: &Health, lasted: Duration) -> Duration {
        let starts = health.status == STARTING && lasted < self.start_period;
        if starts { self.start_interval } else { self.interval }
    }

    /// Counts a check that began so long after the program did.
    fn count(&self, health: &mut Health, probe: Probe, lasted: Duration) {
        if probe.exit_code == 0 {
            health.failing_streak = 0;
            HEALTHY.clone_into(&mut health.status);
        } else if health.status != STARTING || lasted >= self.start_period {
            health.failing_streak += 1;
            if health.failing_streak >= self.retries {
                UNHEALTHY.clone_into(&mut health.status);
            }
        }
        health.log.push(probe);
        let forgotten = health.log.len().saturating_sub(REMEMBERED);
        health.log.drain(..forgotten);
    }
}

/// The checks of one run of the program.
#[derive(Debug)]
pub(super) struct Checks {
    plan: Plan,
    /// When the program began.
    begun: Instant,
    /// When the next check is due, or when the present one has taken too long.
    due: Instant,
    present: Option<Present>,
}

/// A check that runs.
#[derive(Debug)]
struct Present {
    pid: u32,
    begun: Instant,
    start: Time,
    late: bool,
}

impl Monitor {
    /// The program has just begun. What was seen of former runs is still told, and counts no more.
    pub(super) fn begin_checks(&mut self) {
        let config = &self.container.config;
        let plan = config.check().and(config.healthcheck.as_ref()).map(Plan::read);
        let log = self.state.health.take().unwrap_or_default().log;
        self.state.health =
            plan.map(|_| Health { status: STARTING.into(), log, ..Health::default() });
        self.health = plan.zip(self.state.health.as_ref()).map(|(plan, health)| {
            let begun = Instant::now();
            let due = begun + plan.wait(health, Duration::ZERO);
            Checks { plan, begun, due, present: None }
        });
    }

    /// The program has ended: nobody is well any more, as Docker has it.
    pub(super) fn end_checks(&mut self) {
        if let (Some(_), Some(health)) = (self.health.take(), &mut self.state.health) {
            UNHEALTHY.clone_into(&mut health.status);
            self.streams.take_check();
        }
    }

    /// Makes a check that is due, or ends one that takes too long. When to come again.
    pub(super) fn check(&mut self) -> Option<Instant> {
        let checks = self.health.as_mut()?;
        let now = Instant::now();
        if now < checks.due {
            return Some(checks.due);
        }
        match &mut checks.present {
            Some(present) => {
                present.late = true;
                kill(present.pid);
                // Its end is near, and is heard of by itself.
                checks.due = now + checks.plan.timeout;
            }
            None if self.store.pause_mark(&self.container.id).exists() => {
                checks.due = now + checks.plan.interval;
            }
            None => self.begin_check(now),
        }
        self.health.as_ref().map(|checks| checks.due)
    }

    fn begin_check(&mut self, now: Instant) {
        let start = Time::now();
        let begun = self.run_check();
        let Some(checks) = &mut self.health else { return };
        match begun {
            Ok((pid, output)) => {
                checks.due = now + checks.plan.timeout;
                checks.present = Some(Present { pid, begun: now, start, late: false });
                self.streams.listen_to_check(&output);
            }
            // One that cannot be made has failed, and is no reason to leave the program alone.
            Err(error) => {
                let (end, output) = (Time::now(), told(&error));
                self.count(Probe { start, end, exit_code: NO_CODE, output }, now);
            }
        }
    }

    /// The number of a check that runs, and what it writes.
    fn run_check(&self) -> Result<(u32, OwnedFd)> {
        let (ours, theirs) = pipe(End::Read).context("make a pipe")?;
        let (id, file) = (&self.container.id, check_file(&self.bundle));
        let pid = self.runtime.probe(&self.bundle, id, &file, theirs)??;
        Ok((pid, ours))
    }

    /// A child of ours that is not the program has ended: perhaps the check.
    pub(super) fn check_ended(&mut self, pid: u32, code: i32) {
        let Some(checks) = &mut self.health else { return };
        let Some(present) = checks.present.take_if(|present| present.pid == pid) else {
            return;
        };
        let written = self.streams.take_check();
        let (exit_code, output) = if present.late {
            let timeout = time::written(checks.plan.timeout);
            (NO_CODE, format!("Health check exceeded timeout ({timeout}){written}"))
        } else {
            (code, written)
        };
        let probe = Probe { start: present.start, end: Time::now(), exit_code, output };
        self.count(probe, present.begun);
    }

    fn count(&mut self, probe: Probe, begun: Instant) {
        if let (Some(checks), Some(health)) = (&mut self.health, &mut self.state.health) {
            let lasted = begun.saturating_duration_since(checks.begun);
            let before = health.status.clone();
            checks.plan.count(health, probe, lasted);
            let now = Instant::now();
            checks.due = now + checks.plan.wait(health, now.duration_since(checks.begun));
            if health.status != before {
                let action = format!("health_status: {}", health.status);
                // The name that it had is better than no word.
                let _ = self.read_again();
                self.store.tell(&Event::of_container(&self.container, &action));
            }
        }
        // Where there is no room to write it down, the next check may find some.
        let _ = self.save(Durability::Passing);
    }
}

/// Ends a check: it is our child and not reaped, so the number is its own.
fn kill(pid: u32) {
    if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
        // One that has just ended needs no end.
        let _ = kill_process(pid, Signal::KILL);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(plan: &Plan, codes: &[(i32, u64)]) -> Health {
        let mut health = Health { status: STARTING.into(), ..Health::default() };
        for (exit_code, second) in codes {
            let probe = Probe { exit_code: *exit_code, ..Probe::default() };
            plan.count(&mut health, probe, Duration::from_secs(*second));
        }
        health
    }

    #[test]
    fn failures_in_a_row_count_after_the_start_period() {
        let check = Healthcheck { start_period: 10_000_000_000, retries: 2, ..Default::default() };
        let plan = Plan::read(&check);
        for (codes, status, streak) in [
            (&[(1, 1), (1, 2), (1, 3)][..], STARTING, 0),
            (&[(1, 11)], STARTING, 1),
            (&[(1, 11), (1, 12)], UNHEALTHY, 2),
            (&[(0, 1), (1, 2), (1, 3)], UNHEALTHY, 2),
            (&[(1, 11), (1, 12), (0, 13)], HEALTHY, 0),
        ] {
            let health = after(&plan, codes);
            assert_eq!((&*health.status, health.failing_streak), (status, streak), "{codes:?}");
        }
        assert_eq!(after(&plan, &[(0, 1); 9]).log.len(), REMEMBERED);
    }

    #[test]
    fn checks_are_closer_while_the_program_starts() {
        let check = Healthcheck { start_period: 10_000_000_000, ..Default::default() };
        let plan = Plan::read(&check);
        let wait = |codes: &[(i32, u64)], lasted| {
            plan.wait(&after(&plan, codes), Duration::from_secs(lasted)).as_secs()
        };
        assert_eq!((wait(&[], 1), wait(&[], 11), wait(&[(0, 1)], 2)), (5, 30, 30));
    }
}

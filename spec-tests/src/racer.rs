//! A thread that exchanges names at the wrong moment, for attacks that are won by a race.

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use rustix::fs::{CWD, RenameFlags, renameat_with};

/// Where the pauses between two exchanges come from, unless `SPEC_TESTS_SEED` is another.
const SEED: u64 = 0x0066_6f72_6b73;
/// Turns of an empty loop between two exchanges, at most: from nothing to some microseconds.
const LONGEST_PAUSE: u64 = 1 << 8;

/// How often the runtime may lose: in as many rounds, and no longer on a slow machine.
pub const ROUNDS: u32 = 40;
const LONGEST: Duration = Duration::from_secs(15);

/// Exchanges the two names of each pair, again and again, during all rounds.
///
/// # Errors
/// What a round gives, with the seed; names that could not be exchanged even once.
pub fn while_exchanging(
    pairs: &[(&Path, &Path)],
    mut round: impl FnMut(u32) -> Result<()>,
) -> Result<()> {
    let seed = seed();
    let (stop, count) = (AtomicBool::new(false), AtomicU32::new(0));
    let result = std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut pauses = Pauses(seed);
            while !stop.load(Ordering::Relaxed) {
                for (one, other) in pairs {
                    let done = renameat_with(CWD, *one, CWD, *other, RenameFlags::EXCHANGE);
                    count.fetch_add(u32::from(done.is_ok()), Ordering::Relaxed);
                    (0..pauses.next()).for_each(|_| std::hint::spin_loop());
                }
            }
        });
        let _end = EndOfRace(&stop);
        let begin = Instant::now();
        let mut rounds = (0..ROUNDS).take_while(|_| begin.elapsed() < LONGEST);
        rounds.try_for_each(&mut round)
    });
    let count = count.into_inner();
    eprintln!("racer: seed {seed:#x}, {count} exchanges");
    ensure!(count > 0, "nothing could be exchanged");
    result.with_context(|| format!("SPEC_TESTS_SEED={seed:#x}, {count} exchanges"))
}

/// Also when an assertion ends the test: the scope waits for the racing thread.
struct EndOfRace<'a>(&'a AtomicBool);

impl Drop for EndOfRace<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn seed() -> u64 {
    let wanted = std::env::var("SPEC_TESTS_SEED").unwrap_or_default();
    u64::from_str_radix(wanted.trim_start_matches("0x"), 16).unwrap_or(SEED).max(1)
}

/// Numbers that look like chance and are the same for a seed (xorshift, Marsaglia 2003).
struct Pauses(u64);

impl Pauses {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % LONGEST_PAUSE
    }
}

#[cfg(test)]
mod tests {
    use super::{Duration, LONGEST_PAUSE, Pauses, ROUNDS, SEED, while_exchanging};
    use crate::scratch::Scratch;

    #[test]
    fn the_pauses_of_a_seed_are_the_same_and_differ() {
        let list = |seed| {
            let mut pauses = Pauses(seed);
            std::array::from_fn::<u64, 9, _>(|_| pauses.next())
        };
        assert_eq!(list(SEED), list(SEED));
        assert_ne!(list(SEED), list(SEED + 1));
        assert!(list(SEED).iter().all(|pause| *pause < LONGEST_PAUSE));
    }

    #[test]
    fn names_that_are_not_there_are_no_race() {
        let scratch = Scratch::new().unwrap();
        let (one, other) = (scratch.path().join("one"), scratch.path().join("other"));
        assert!(while_exchanging(&[(&one, &other)], |_| Ok(())).is_err());
        std::fs::write(&one, "").unwrap();
        std::fs::write(&other, "").unwrap();
        let mut count = 0;
        let wait = |round| {
            assert_eq!(round, count);
            count += 1;
            std::thread::sleep(Duration::from_millis(5));
            Ok(())
        };
        while_exchanging(&[(&one, &other)], wait).unwrap();
        assert_eq!(count, ROUNDS);
    }
}

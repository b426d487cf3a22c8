//! dok against docker and podman: one call at a time, interleaved. `hack/bench-engines` starts it,
//! in namespaces in which docker's daemon runs already.
use crate::lane::{Cost, Kind, Lane, Outcome};
use crate::report::{Report, Thing};
use std::error::Error;
use std::fmt::Write as _;
use std::time::Duration;

const IMAGE: &str = "localhost/bench/busybox:latest";
/// So many containers are started, and then removed, as one measurement.
const SERIES: usize = 20;
/// Single calls are measured so often in a round.
const TURNS: usize = 5;
/// Before each of them nothing is done for so long: podman cleans up when its command has ended, and
/// docker's daemon when the command has its answer.
const QUIET: Duration = Duration::from_millis(200);
/// `ps` is measured among so many containers, which dok alone is asked for.
const CROWD: usize = 500;

struct Bench {
    lanes: Vec<Lane>,
    report: Report,
}

/// What a lane must not exceed: a share of a peer's time, or so many milliseconds more.
enum Bound {
    Share(&'static str, f64),
    More(&'static str, f64),
    Milliseconds(f64),
}

fn goals() -> Vec<(&'static str, Bound)> {
    let (plain, bridge) = ("run --rm, no network", "run --rm, bridge");
    vec![
        (plain, Bound::Share("docker", 0.1)),
        (plain, Bound::Share("podman", 0.1)),
        (plain, Bound::More("onggi", 5.0)),
        (bridge, Bound::Share("docker", 0.1)),
        (bridge, Bound::Share("podman", 0.1)),
        (bridge, Bound::More("onggi", 15.0)),
        ("exec", Bound::Share("docker", 0.125)),
        ("20 x run -d", Bound::Share("docker", 0.125)),
        ("rm -f of 20", Bound::Share("docker", 0.125)),
        ("ps among 500", Bound::Milliseconds(20.0)),
    ]
}

/// Of the containers of a series.
fn names() -> Vec<String> {
    (0..SERIES).map(|number| format!("s{number}")).collect()
}

fn thing(what: &str) -> Thing {
    Thing { section: "engines", what: what.to_owned() }
}

impl Bench {
    /// One call in one lane.
    fn call(&mut self, lane: usize, words: &[&str]) -> Outcome {
        let argv = self.lanes[lane].argv(words);
        self.lanes[lane].execute(argv, Duration::ZERO)
    }

    /// One call when what other engines had begun has come to its end.
    fn measure_single(&mut self, lane: usize, what: &str, words: &[&str]) {
        std::thread::sleep(QUIET);
        self.measure(lane, what, words);
    }

    fn measure(&mut self, lane: usize, what: &str, words: &[&str]) {
        let outcome = self.call(lane, words);
        self.report.add(&thing(what), self.lanes[lane].name, &outcome);
    }

    /// Each lane in turn; every turn begins with another one.
    fn round(&mut self, round: usize, bundle: &str) {
        let count = self.lanes.len();
        for turn in round * TURNS..(round + 1) * TURNS {
            for lane in (0..count).map(|place| (place + turn) % count) {
                self.single_calls(lane, bundle);
            }
        }
        for lane in (0..count).map(|place| (place + round) % count) {
            if self.lanes[lane].name != "onggi" {
                self.series(lane);
            }
        }
    }

    fn single_calls(&mut self, lane: usize, bundle: &str) {
        if self.lanes[lane].name == "onggi" {
            for what in ["run --rm, no network", "run --rm, bridge"] {
                self.measure_single(lane, what, &["run", "--bundle", bundle, "bench-engines"]);
            }
            return;
        }
        let none = ["run", "--rm", "--network", "none", IMAGE, "true"];
        self.measure_single(lane, "run --rm, no network", &none);
        self.measure_single(lane, "run --rm, bridge", &["run", "--rm", IMAGE, "true"]);
        self.measure_single(lane, "exec", &["exec", "sleeper", "true"]);
        self.measure_single(lane, "ps", &["ps"]);
    }

    /// Without podman's ten seconds of grace, which the others' `rm -f` has not.
    fn removal(&self, lane: usize) -> Vec<&'static str> {
        match self.lanes[lane].name {
            "podman" => vec!["rm", "-f", "--time", "0"],
            _ => vec!["rm", "-f"],
        }
    }

    fn series(&mut self, lane: usize) {
        let mut whole: Outcome = Ok(Cost::default());
        let names = names();
        for name in &names {
            let one = self.call(lane, &["run", "-d", "--name", name, IMAGE, "sleep", "1000"]);
            whole = whole.and_then(|mut sum| {
                let one = one?;
                sum.wall_ms += one.wall_ms;
                sum.cpu_ms += one.cpu_ms;
                Ok(sum)
            });
        }
        self.report.add(&thing("20 x run -d"), self.lanes[lane].name, &whole);
        let mut words = self.removal(lane);
        words.extend(names.iter().map(String::as_str));
        self.measure(lane, "rm -f of 20", &words);
    }

    /// dok with many containers, of which a few run.
    fn crowd(&mut self, lane: usize) -> Result<(), String> {
        for number in 0..CROWD {
            let name = format!("crowd{number}");
            self.call(lane, &["create", "--name", &name, "--network", "none", IMAGE, "true"])?;
        }
        for _ in 0..10 {
            self.measure(lane, "ps among 500", &["ps"]);
            self.measure(lane, "ps -a among 500", &["ps", "-a"]);
        }
        Ok(())
    }

    fn to_markdown(&self) -> String {
        let names: Vec<_> = self.lanes.iter().map(|lane| lane.name).collect();
        let mut out = String::from("Times in ms: median (min) CPU of the call itself.\n\n| |");
        let _ = writeln!(out, " {} |", names.join(" | "));
        let _ = writeln!(out, "|---|{}", "---|".repeat(names.len()));
        for what in self.report.things("engines") {
            let cells = names.iter().map(|name| self.report.cell(what, name));
            let _ = writeln!(out, "| {what} | {} |", cells.collect::<Vec<_>>().join(" | "));
        }
        out += "\n| goal | bound | measured | |\n|---|---|---|---|\n";
        for (what, bound) in goals() {
            let figure = |lane| self.report.figure(what, lane);
            let Some(ours) = figure("dok") else { continue };
            let (words, most, measured) = match bound {
                Bound::Share(peer, most) => match figure(peer) {
                    Some(theirs) => (format!("{most} × {peer}"), most, ours / theirs),
                    None => continue,
                },
                Bound::More(peer, most) => match figure(peer) {
                    Some(theirs) => (format!("{peer} + {most} ms"), most, ours - theirs),
                    None => continue,
                },
                Bound::Milliseconds(most) => (format!("{most} ms"), most, ours),
            };
            let held = if measured <= most { "held" } else { "missed" };
            let _ = writeln!(out, "| {what} | ≤ {words} | {measured:.2} | {held} |");
        }
        out + &self.report.complaints()
    }
}

/// `engines ROUNDS BUNDLE IMAGE.TAR NAME=WORDS…`: the words of each engine's command line.
pub fn main(mut args: impl Iterator<Item = String>) -> Result<(), Box<dyn Error>> {
    let mut next = || args.next().ok_or("too few arguments");
    let (rounds, bundle, archive) = (next()?.parse::<usize>()?, next()?, next()?);
    let mut lanes = Vec::new();
    for lane in args {
        let (name, words) = lane.split_once('=').ok_or("no NAME=WORDS")?;
        let mut words = words.split(' ').map(str::to_owned);
        let program = words.next().ok_or("no program")?;
        let kind = Kind::Engine { words: words.collect() };
        lanes.push(Lane::start(name.to_owned().leak(), program, kind, false)?);
    }
    let mut bench = Bench { lanes, report: Report::default() };
    let engines: Vec<usize> =
        (0..bench.lanes.len()).filter(|&lane| bench.lanes[lane].name != "onggi").collect();
    for &lane in &engines {
        bench.call(lane, &["load", "--input", &archive])?;
        let sleeper = ["run", "-d", "--name", "sleeper", "--network", "none"];
        bench.call(lane, &[&sleeper[..], &[IMAGE, "sleep", "10000"]].concat())?;
    }
    for round in 0..rounds {
        bench.round(round, &bundle);
    }
    if let Some(dok) = engines.iter().copied().find(|&lane| bench.lanes[lane].name == "dok") {
        bench.crowd(dok)?;
    }
    println!("{}", bench.to_markdown());
    for &lane in &engines {
        // What a call that failed has left, too: the namespaces go, but no cgroup goes with them.
        for name in names().iter().map(String::as_str).chain(["sleeper"]) {
            let _ = bench.call(lane, &[&bench.removal(lane)[..], &[name]].concat());
        }
    }
    bench.lanes.into_iter().try_for_each(Lane::end)?;
    Ok(())
}

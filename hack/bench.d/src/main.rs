//! Measures onggi against its peers and against the floor. `hack/bench` starts it.
mod bundle;
mod engines;
mod facts;
mod footprint;
mod goals;
mod lane;
mod lifecycle;
mod plot;
mod profile;
mod proof;
mod report;
mod scale;
mod sweep;
mod whole;
mod worker;

use bundle::{Bundles, Config};
use lane::{Kind, Lane};
use report::{Report, Thing};
use std::collections::HashMap;
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

/// The state of a measurement.
struct Bench {
    lanes: Vec<Lane>,
    bundles: Bundles,
    report: Report,
    /// How long nothing happens before a settled run.
    quiet: Duration,
    /// For files that are read once.
    work: PathBuf,
    /// A program that needs next to no memory.
    probe: String,
    count: u64,
}

/// How fast one command follows another.
#[derive(Clone, Copy)]
enum Pace {
    BackToBack,
    /// After a moment in which nothing happens.
    Settled,
}

impl Pace {
    const ALL: [Pace; 2] = [Pace::BackToBack, Pace::Settled];

    fn name(self) -> &'static str {
        match self {
            Pace::BackToBack => "back to back",
            Pace::Settled => "settled",
        }
    }
}

/// What `hack/bench` passes on: `--name value` or, for the flags, `--name`.
struct Options(HashMap<String, String>);

const SECTIONS: &[&str] = &["run", "lifecycle", "scale", "list", "footprint"];
const FLAGS: &[&str] = &["quick", "show-unified"];
const VALUES: &[&str] = &[
    "only", "rounds", "quiet", "svg", "json", "work", "onggi", "crun", "runc", "floor", "filter",
    "busybox", "probe",
];

impl Options {
    fn parse(args: impl Iterator<Item = String>) -> Result<Options, String> {
        let mut options = HashMap::new();
        let mut args = args;
        while let Some(arg) = args.next() {
            let name = arg
                .strip_prefix("--")
                .ok_or(format!("{arg}: not an option"))?;
            let value = if FLAGS.contains(&name) {
                String::new()
            } else if VALUES.contains(&name) {
                args.next().ok_or(format!("{arg}: value missing"))?
            } else {
                return Err(format!("{arg}: no such option"));
            };
            if name == "only" && !SECTIONS.contains(&value.as_str()) {
                return Err(format!(
                    "--only {value}: not one of {}",
                    SECTIONS.join(", ")
                ));
            }
            options.insert(name.to_owned(), value);
        }
        Ok(Options(options))
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.0
            .get(name)
            .map(String::as_str)
            .filter(|value| !value.is_empty())
    }

    fn need(&self, name: &str) -> Result<&str, String> {
        self.get(name).ok_or(format!("--{name} is missing"))
    }

    fn number(&self, name: &str, default: u64) -> Result<u64, String> {
        let parse = |text: &str| {
            text.parse()
                .map_err(|_| format!("--{name} {text}: no number"))
        };
        self.get(name).map_or(Ok(default), parse)
    }

    fn is_set(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    fn wants(&self, section: &str) -> bool {
        self.get("only").is_none_or(|only| only == section)
    }
}

impl Bench {
    /// The lanes in the order of this round: every round begins with another one.
    fn turns(&self, round: usize) -> impl Iterator<Item = usize> + use<> {
        let count = self.lanes.len();
        (0..count).map(move |place| (place + round) % count)
    }

    /// Whether a lane need not be asked for this (again).
    fn is_out(&self, thing: &Thing, lane: usize, config: Config) -> bool {
        let name = self.lanes[lane].name;
        self.report.is_refused(name, config) || self.report.is_hopeless(thing, name)
    }

    fn quiet(&self, pace: Pace) -> Duration {
        match pace {
            Pace::BackToBack => Duration::ZERO,
            Pace::Settled => self.quiet,
        }
    }

    fn next_id(&mut self, lane: usize) -> String {
        self.count += 1;
        self.lanes[lane].id(format!("c{}", self.count))
    }
}

/// Makes the raw filter that the floor program loads, with the helper around libseccomp.
fn make_filter(helper: &str, file: &Path) -> Result<(), Box<dyn Error>> {
    let lines = file.with_extension("rules");
    fs::write(&lines, profile::to_lines())?;
    let status = Command::new(helper)
        .stdin(Stdio::from(fs::File::open(lines)?))
        .stdout(Stdio::from(fs::File::create(file)?))
        .status()?;
    if status.success() {
        Ok(())
    } else {
        Err(format!("{helper}: {status}").into())
    }
}

fn floor_lanes(options: &Options, work: &Path) -> Result<Vec<Lane>, Box<dyn Error>> {
    let Some(program) = options.get("floor") else {
        return Ok(Vec::new());
    };
    let filter = work.join("filter.bpf");
    make_filter(options.need("filter")?, &filter)?;
    let filter = filter.display().to_string();
    let hide = facts::cgroups() == "v1, hybrid" && !options.is_set("show-unified");
    let lane = |name, options: &[&str]| {
        let options = options.iter().map(|&option| option.to_owned()).collect();
        let kind = Kind::Floor {
            options,
            filter: filter.clone(),
        };
        Lane::start(name, program.to_owned(), kind, hide)
    };
    Ok(vec![
        lane("floor", &[])?,
        lane("floor, pid written", &["--pid-write"])?,
    ])
}

fn runtime_lanes(options: &Options, work: &Path) -> Result<Vec<Lane>, Box<dyn Error>> {
    let mut lanes = Vec::new();
    for name in ["onggi", "crun", "runc"] {
        let Some(program) = options.get(name) else {
            eprintln!("{name}: not here, left out");
            continue;
        };
        let state = work.join("state").join(name).display().to_string();
        let hybrid = facts::cgroups() == "v1, hybrid";
        let hide = hybrid && (name == "crun" || !options.is_set("show-unified"));
        lanes.push(Lane::start(
            name,
            program.to_owned(),
            Kind::Runtime { state },
            hide,
        )?);
    }
    Ok(lanes)
}

/// Rounds of everything that is measured in rounds, while there is time.
fn rounds(bench: &mut Bench, options: &Options) -> Result<(), Box<dyn Error>> {
    let quick = options.is_set("quick");
    let most = options.number("rounds", if quick { 6 } else { 30 })?;
    let limit = Duration::from_secs(if quick { 40 } else { 240 });
    let (start, mut round) = (Instant::now(), 0);
    while round < most && start.elapsed() < limit {
        if options.wants("run") {
            bench.whole_round(round as usize);
        }
        if options.wants("lifecycle") {
            bench.lifecycle_round(round as usize, Config::Plain);
        }
        if options.wants("lifecycle") && !quick {
            bench.lifecycle_round(round as usize, Config::Docker);
        }
        round += 1;
    }
    bench.report.machine["rounds"] = serde_json::json!(round);
    let start = Instant::now();
    for round in 0..if quick { 1 } else { 5 } {
        if options.wants("scale") && start.elapsed() < limit / 4 {
            bench.scale_round(round);
        }
    }
    Ok(())
}

fn measure(bench: &mut Bench, options: &Options) -> Result<(), Box<dyn Error>> {
    if facts::load() > 0.5 {
        eprintln!(
            "load {}: something else is running, and will be seen in the figures",
            facts::load()
        );
    }
    bench.prove();
    if options.wants("footprint") {
        bench.footprint();
    }
    rounds(bench, options)?;
    if options.wants("list") {
        bench.list(if options.is_set("quick") { 200 } else { 1000 });
    }
    Ok(())
}

fn start(options: &Options) -> Result<Bench, Box<dyn Error>> {
    // What is mounted below is this process's own and goes away with it.
    worker::own_mounts()?;
    let work = PathBuf::from(options.need("work")?);
    let base = work.join("bundles");
    if base.exists() {
        fs::remove_dir_all(&base)?;
    }
    fs::create_dir_all(work.join("run"))?;
    let run = work.join("run");
    worker::mount(Some("none"), &run.display().to_string(), Some("tmpfs"), 0)?;
    let bundles = Bundles::make(&base, Path::new(options.need("busybox")?))?;
    let mut lanes = runtime_lanes(options, &run)?;
    lanes.extend(floor_lanes(options, &run)?);
    let programs = lanes.iter().filter(|lane| lane.is_runtime());
    let machine = facts::machine(programs.map(|lane| (lane.name, lane.program.as_str())));
    let names = lanes.iter().map(|lane| lane.name).collect();
    let mut report = Report::default();
    report.lanes = names;
    report.machine = machine;
    Ok(Bench {
        lanes,
        bundles,
        report,
        quiet: Duration::from_millis(options.number("quiet", 50)?),
        work: run,
        probe: options.need("probe")?.to_owned(),
        count: 0,
    })
}

fn main_or_error() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1).peekable();
    match args.peek().map(String::as_str) {
        Some("worker") => return Ok(worker::serve(false)?),
        Some("engines") => return engines::main(args.skip(1)),
        Some("worker-without-unified") => return Ok(worker::serve(true)?),
        _ => {}
    }
    let options = Options::parse(args)?;
    let begin = Instant::now();
    let mut bench = start(&options)?;
    measure(&mut bench, &options)?;
    bench.report.machine["seconds"] = serde_json::json!(begin.elapsed().as_secs());
    println!("{}\n", serde_json::to_string_pretty(&bench.report.machine)?);
    println!("{}", bench.report.to_markdown());
    if let Some(file) = options.get("json") {
        fs::write(
            file,
            serde_json::to_string_pretty(&bench.report.to_json())? + "\n",
        )?;
    }
    if let Some(file) = options.get("svg") {
        fs::write(file, plot::svg(&bench.report))?;
    }
    bench.lanes.into_iter().try_for_each(Lane::end)?;
    sweep::cgroups(&format!("{}-", lane::prefix()));
    Ok(())
}

fn main() -> ExitCode {
    match main_or_error() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("measure: {error}");
            ExitCode::FAILURE
        }
    }
}

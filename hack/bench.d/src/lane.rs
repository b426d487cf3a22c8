//! One runtime under measurement: its command line and its worker.
use crate::bundle::{Bundles, Config};
use crate::proof;
use serde_json::{Value, json};
use std::io::{self, BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

/// What one command, or a batch of them, cost.
#[derive(Clone, Copy, Default)]
pub struct Cost {
    pub wall_ms: f64,
    /// Of the command and of the children it waited for.
    pub cpu_ms: f64,
    /// The largest resident set of these, never less than the worker's own.
    pub peak_kib: u64,
}

/// A cost, or why there is none.
pub type Outcome = Result<Cost, String>;

/// The same command for many containers: `{n}` stands for the number.
pub struct Batch {
    pub argv: Vec<String>,
    pub count: u64,
    pub parallel: usize,
}

/// What a worker can be told.
pub enum Order {
    /// Be quiet so long, then run this.
    Run {
        argv: Vec<String>,
        quiet: Duration,
    },
    /// Run this for its peak memory; its time means nothing.
    Weigh {
        argv: Vec<String>,
    },
    Batch(Batch),
    /// Wait for the processes that containers left.
    Drain,
    /// Kill them.
    Clear,
}

impl Cost {
    pub fn to_line(outcome: &Outcome) -> Value {
        match outcome {
            Ok(cost) => json!([cost.wall_ms, cost.cpu_ms, cost.peak_kib]),
            Err(why) => json!(why),
        }
    }

    fn of_line(line: &str) -> Outcome {
        match serde_json::from_str(line).unwrap_or(Value::Null) {
            Value::String(why) => Err(why),
            answer => Ok(Cost {
                wall_ms: answer[0].as_f64().ok_or("the worker died")?,
                cpu_ms: answer[1].as_f64().ok_or("the worker died")?,
                peak_kib: answer[2].as_u64().ok_or("the worker died")?,
            }),
        }
    }
}

impl Order {
    fn to_line(&self) -> Value {
        match self {
            Order::Run { argv, quiet } => json!({"run": argv, "quiet": quiet.as_millis() as u64}),
            Order::Weigh { argv } => json!({ "weigh": argv }),
            Order::Batch(batch) => json!({
                "batch": batch.argv, "count": batch.count,
                "parallel": batch.parallel,
            }),
            Order::Drain => json!("drain"),
            Order::Clear => json!("clear"),
        }
    }

    /// Reads what `to_line` wrote.
    pub fn parse(line: &str) -> Option<Order> {
        let order: Value = serde_json::from_str(line).ok()?;
        let words = |key: &str| -> Option<Vec<String>> {
            order[key]
                .as_array()?
                .iter()
                .map(|word| word.as_str().map(str::to_owned))
                .collect()
        };
        if order == "drain" {
            return Some(Order::Drain);
        }
        if order == "clear" {
            return Some(Order::Clear);
        }
        if let Some(argv) = words("run") {
            let quiet = Duration::from_millis(order["quiet"].as_u64()?);
            return Some(Order::Run { argv, quiet });
        }
        if let Some(argv) = words("weigh") {
            return Some(Order::Weigh { argv });
        }
        Some(Order::Batch(Batch {
            argv: words("batch")?,
            count: order["count"].as_u64()?,
            parallel: usize::try_from(order["parallel"].as_u64()?).ok()?,
        }))
    }
}

/// What the names of all containers of this measurement begin with.
pub fn prefix() -> String {
    format!("measure-{}", std::process::id())
}

/// What a lane runs.
pub enum Kind {
    /// A runtime, with the directory for its state.
    Runtime { state: String },
    /// The floor program, with its options for each configuration.
    Floor {
        options: Vec<String>,
        filter: String,
    },
    /// An engine, with what comes before each command.
    Engine { words: Vec<String> },
}

pub struct Lane {
    pub name: &'static str,
    pub program: String,
    kind: Kind,
    worker: Child,
    orders: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Lane {
    /// Starts the worker. `hide_unified`: with an empty folder in the place of the second version
    /// of cgroups on a host that has both.
    pub fn start(
        name: &'static str,
        program: String,
        kind: Kind,
        hide_unified: bool,
    ) -> io::Result<Lane> {
        if let Kind::Runtime { state } = &kind {
            std::fs::create_dir_all(state)?;
        }
        let mut command = Command::new("/proc/self/exe");
        command.arg(if hide_unified {
            "worker-without-unified"
        } else {
            "worker"
        });
        let mut worker = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let orders = worker.stdin.take().ok_or(io::ErrorKind::BrokenPipe)?;
        let answers = BufReader::new(worker.stdout.take().ok_or(io::ErrorKind::BrokenPipe)?);
        Ok(Lane {
            name,
            program,
            kind,
            worker,
            orders,
            answers,
        })
    }

    pub fn is_runtime(&self) -> bool {
        matches!(self.kind, Kind::Runtime { .. })
    }

    fn tell(&mut self, order: &Order) -> Outcome {
        let mut answer = String::new();
        let sent = writeln!(self.orders, "{}", order.to_line());
        sent.and_then(|()| self.answers.read_line(&mut answer))
            .map_err(|error| format!("worker: {error}"))?;
        Cost::of_line(&answer)
    }

    /// Runs a command line as it stands.
    pub fn execute(&mut self, argv: Vec<String>, quiet: Duration) -> Outcome {
        self.tell(&Order::Run { argv, quiet })
    }

    /// Runs a command line for its peak memory, in KiB.
    pub fn weigh(&mut self, argv: Vec<String>) -> Result<u64, String> {
        self.tell(&Order::Weigh { argv }).map(|cost| cost.peak_kib)
    }

    /// The runtime's command line for a command of its own.
    pub fn argv(&self, words: &[&str]) -> Vec<String> {
        let mut argv = vec![self.program.clone()];
        match &self.kind {
            Kind::Runtime { state } => argv.extend(["--root".to_owned(), state.clone()]),
            Kind::Engine { words } => argv.extend(words.iter().cloned()),
            Kind::Floor { .. } => {}
        }
        argv.extend(words.iter().map(|word| (*word).to_owned()));
        argv
    }

    /// The command line that runs /bin/true in a new container.
    pub fn run_argv(&self, bundles: &Bundles, config: Config, id: &str) -> Vec<String> {
        match &self.kind {
            Kind::Runtime { .. } | Kind::Engine { .. } => {
                self.argv(&["run", "--bundle", &bundles.of(config), id])
            }
            Kind::Floor { options, filter } => {
                let mut argv = vec![self.program.clone()];
                argv.extend(options.iter().cloned());
                argv.extend(["--filter".to_owned(), filter.clone()]);
                argv.extend([config.name().to_owned(), bundles.base(), id.to_owned()]);
                argv
            }
        }
    }

    /// The command line that looks around in a new container.
    pub fn proof_argv(&self, bundles: &Bundles, config: Config, id: &str) -> Vec<String> {
        if self.is_runtime() {
            return self.argv(&["run", "--bundle", &bundles.proof(config), id]);
        }
        let mut argv = self.run_argv(bundles, config, id);
        argv.extend(["/bin/sh".to_owned(), "-c".to_owned(), proof::script(config)]);
        argv
    }

    /// One command of the runtime after so much quiet.
    pub fn command(&mut self, words: &[&str], quiet: Duration) -> Outcome {
        let argv = self.argv(words);
        self.execute(argv, quiet)
    }

    /// One command at once.
    pub fn now(&mut self, words: &[&str]) -> Outcome {
        self.command(words, Duration::ZERO)
    }

    /// One command for each of the containers `0..count`, eight at a time.
    pub fn batch(&mut self, words: &[&str], count: u64) -> Outcome {
        let argv = self.argv(words);
        self.tell(&Order::Batch(Batch {
            argv,
            count,
            parallel: 8,
        }))
    }

    /// Waits until the processes of the lane's containers are gone.
    pub fn drain(&mut self) -> Outcome {
        self.tell(&Order::Drain)
    }

    /// The name of this lane's container number `n` (or of all with `{n}`).
    pub fn id(&self, n: impl std::fmt::Display) -> String {
        format!(
            "{}-{}-{n}",
            prefix(),
            self.name.replace(", ", "-").replace(' ', "-")
        )
    }

    /// After a failure: kill what is left and remove the container, whatever that says.
    pub fn clean_up(&mut self, id: &str) {
        let _ = self.tell(&Order::Clear);
        if self.is_runtime() {
            let _ = self.now(&["delete", "--force", id]);
        }
    }

    /// A file of the lane in a directory.
    pub fn file(&self, dir: &Path, name: &str) -> String {
        dir.join(format!("{}-{name}", self.name))
            .display()
            .to_string()
    }

    /// Ends the worker, and with it every process that its containers left.
    pub fn end(self) -> io::Result<()> {
        let Lane {
            mut worker, orders, ..
        } = self;
        drop(orders);
        worker.wait().map(drop)
    }
}

//! Memory, size and the number of system calls.
use crate::Bench;
use crate::bundle::Config;
use std::fs;
use std::time::Duration;

/// The step of the search for the smallest memory limit, and where it ends, in KiB.
const STEP: u64 = 4;
const MOST: u64 = 16 * 1024;
/// A limit is enough if so many runs in a row succeed.
const TRIES: usize = 3;
/// Containers that are created to see what each leaves in memory.
const CREATED: u64 = 10;

impl Bench {
    /// The lanes that do what the configuration says.
    fn accepted(&self, config: Config) -> Vec<usize> {
        let sound = |&lane: &usize| !self.report.is_refused(self.lanes[lane].name, config);
        (0..self.lanes.len()).filter(sound).collect()
    }

    fn runtimes(&self, config: Config) -> Vec<usize> {
        let accepted = self.accepted(config).into_iter();
        accepted
            .filter(|&lane| self.lanes[lane].is_runtime())
            .collect()
    }

    /// Everything of this page.
    pub fn footprint(&mut self) {
        self.peaks();
        for config in Config::ALL {
            self.system_calls(config);
            for lane in self.runtimes(config) {
                let least = self.least_memory(lane, config);
                let what = format!("smallest memory limit, {}, KiB", config.name());
                self.report.quantity(&what, self.lanes[lane].name, least);
            }
        }
        for lane in self.runtimes(Config::Docker) {
            self.left_in_memory(lane);
        }
        self.program_size();
    }

    /// The command lines of one container's life, and the two that need none.
    fn life_argv(&mut self, lane: usize) -> Vec<(&'static str, Vec<String>)> {
        let (id, run_id) = (self.next_id(lane), self.next_id(lane));
        let bundle = self.bundles.sleeping(Config::Docker);
        let here = &self.lanes[lane];
        let run = here.run_argv(&self.bundles, Config::Docker, &run_id);
        let mut commands = vec![("probe", vec![self.probe.clone()]), ("run", run)];
        if here.is_runtime() {
            commands.extend([
                ("create", here.argv(&["create", "--bundle", &bundle, &id])),
                ("state", here.argv(&["state", &id])),
                ("list", here.argv(&["list"])),
                ("start", here.argv(&["start", &id])),
                ("exec", here.argv(&["exec", &id, "/bin/true"])),
                ("kill", here.argv(&["kill", &id, "KILL"])),
                ("delete", here.argv(&["delete", &id])),
            ]);
        }
        commands
    }

    fn weigh(&mut self, lane: usize, command: &str, argv: Vec<String>) -> Result<f64, String> {
        let peak = self.lanes[lane].weigh(argv)?;
        if command == "kill" {
            self.lanes[lane].drain()?;
        }
        Ok(peak as f64)
    }

    /// The largest resident set of each command, in containers with docker's configuration. Of
    /// `run` and `exec`, the container's program is a part.
    fn peaks(&mut self) {
        for lane in self.accepted(Config::Docker) {
            let name = self.lanes[lane].name;
            let mut most = Ok(0.0);
            for (command, argv) in self.life_argv(lane) {
                let peak = self.weigh(lane, command, argv);
                most = most.and_then(|most: f64| Ok(most.max(peak.clone()?)));
                self.report
                    .quantity(&format!("peak memory of {command}, KiB"), name, peak);
            }
            if most.is_err() {
                let id = self.lanes[lane].id(format!("c{}", self.count - 1));
                self.lanes[lane].clean_up(&id);
            }
            self.report
                .quantity("peak memory of any command, KiB", name, most);
        }
    }

    /// The system calls of one run, those of the container's program included.
    fn system_calls(&mut self, config: Config) {
        for lane in self.accepted(config) {
            let id = self.next_id(lane);
            let file = self.lanes[lane].file(&self.work, "strace");
            let mut argv: Vec<_> = ["strace", "-f", "-c", "-o", &file]
                .map(str::to_owned)
                .to_vec();
            argv.extend(self.lanes[lane].run_argv(&self.bundles, config, &id));
            let outcome = self.lanes[lane].execute(argv, Duration::ZERO);
            let calls = outcome.and_then(|_| total_of(&file));
            if calls.is_err() {
                self.lanes[lane].clean_up(&id);
            }
            let what = format!("system calls of run, {}", config.name());
            self.report.quantity(&what, self.lanes[lane].name, calls);
        }
    }

    fn starts_within(&mut self, lane: usize, config: Config, kib: u64) -> Result<(), String> {
        let bundle = self
            .bundles
            .limited(config, kib)
            .map_err(|error| error.to_string())?;
        for _ in 0..TRIES {
            let id = self.next_id(lane);
            let outcome = self.lanes[lane].now(&["run", "--bundle", &bundle, &id]);
            if let Err(why) = outcome {
                self.lanes[lane].clean_up(&id);
                return Err(why);
            }
        }
        Ok(())
    }

    fn least_memory(&mut self, lane: usize, config: Config) -> Result<f64, String> {
        self.starts_within(lane, config, MOST)?;
        let (mut fails, mut starts) = (0, MOST / STEP);
        while starts - fails > 1 {
            let middle = (fails + starts) / 2;
            match self.starts_within(lane, config, middle * STEP) {
                Ok(()) => starts = middle,
                Err(_) => fails = middle,
            }
        }
        Ok((starts * STEP) as f64)
    }

    /// What the process that waits in a created container holds.
    fn left_in_memory(&mut self, lane: usize) {
        let bundle = self.bundles.sleeping(Config::Docker);
        let (mut private, mut shared) = (Vec::new(), Vec::new());
        for n in 0..CREATED {
            let (id, file) = (
                self.lanes[lane].id(n),
                self.lanes[lane].file(&self.work, "pid"),
            );
            let words = ["create", "--bundle", &bundle, "--pid-file", &file, &id];
            let sizes = self.lanes[lane].now(&words).and_then(|_| sizes_of(&file));
            private.push(sizes.as_ref().map(|sizes| sizes.0).map_err(Clone::clone));
            shared.push(sizes.map(|sizes| sizes.1));
        }
        for n in 0..CREATED {
            let id = self.lanes[lane].id(n);
            let _ = self.lanes[lane].now(&["delete", "--force", &id]);
        }
        let first = self.lanes[lane].id(0);
        self.lanes[lane].clean_up(&first);
        let name = self.lanes[lane].name;
        let mean = |sizes: Vec<Result<f64, String>>| {
            let sizes: Result<Vec<_>, _> = sizes.into_iter().collect();
            sizes.map(|sizes| sizes.iter().sum::<f64>() / sizes.len() as f64)
        };
        let what = "private memory of a created container's process, KiB";
        self.report.quantity(what, name, mean(private));
        let what = "proportional memory of a created container's process, KiB";
        self.report.quantity(what, name, mean(shared));
    }

    fn program_size(&mut self) {
        for lane in 0..self.lanes.len() {
            let program = &self.lanes[lane].program;
            let size = fs::metadata(program).map(|info| info.len() as f64 / 1024.0);
            let size = size.map_err(|error| error.to_string());
            self.report
                .quantity("size of the program, KiB", self.lanes[lane].name, size);
        }
    }
}

/// The number in the last line of `strace -c`: "100.00 seconds usecs calls [errors] total".
fn total_of(file: &str) -> Result<f64, String> {
    let text = fs::read_to_string(file).map_err(|error| format!("{file}: {error}"))?;
    let line = text.lines().rev().find(|line| line.ends_with(" total"));
    let calls = line.and_then(|line| line.split_whitespace().nth(3)?.parse().ok());
    calls.ok_or_else(|| "strace printed no total".to_owned())
}

/// The private and the proportional size, in KiB, of the process whose id is in the file.
fn sizes_of(pid_file: &str) -> Result<(f64, f64), String> {
    let read = |path: &str| fs::read_to_string(path).map_err(|error| format!("{path}: {error}"));
    let text = read(&format!("/proc/{}/smaps_rollup", read(pid_file)?.trim()))?;
    let sum = |prefix: &str| -> f64 {
        let lines = text.lines().filter(|line| line.starts_with(prefix));
        lines
            .filter_map(|line| line.split_whitespace().nth(1)?.parse::<f64>().ok())
            .sum()
    };
    Ok((sum("Private_"), sum("Pss:")))
}

//! create, state, start, exec, kill, delete: each command by itself.
use crate::bundle::Config;
use crate::report::Thing;
use crate::{Bench, Pace};

const COMMANDS: [&str; 6] = ["create", "state", "start", "exec", "kill", "delete"];
/// Back to back, every command is given to so many containers before the next command is; the
/// first time is not counted, for it follows another command.
const BURST: usize = 3;

/// A few containers of one lane that live through the same.
struct Life {
    lane: usize,
    config: Config,
    pace: Pace,
    bundle: String,
    ids: Vec<String>,
}

impl Life {
    fn words<'a>(&'a self, command: &'a str, id: &'a str) -> Vec<&'a str> {
        match command {
            "create" => vec![command, "--bundle", &self.bundle, id],
            "exec" => vec![command, id, "/bin/true"],
            "kill" => vec![command, id, "KILL"],
            _ => vec![command, id],
        }
    }
}

impl Bench {
    /// The whole life of a few containers of every runtime, both ways.
    pub fn lifecycle_round(&mut self, round: usize, config: Config) {
        for pace in Pace::ALL {
            for lane in self.turns(round) {
                self.life(lane, config, pace);
            }
        }
    }

    fn life(&mut self, lane: usize, config: Config, pace: Pace) {
        if !self.lanes[lane].is_runtime() {
            return;
        }
        let count = match pace {
            Pace::BackToBack => BURST,
            Pace::Settled => 1,
        };
        let ids = (0..count).map(|_| self.next_id(lane)).collect();
        let bundle = self.bundles.sleeping(config);
        let life = Life {
            lane,
            config,
            pace,
            bundle,
            ids,
        };
        if !COMMANDS
            .into_iter()
            .all(|command| self.step(&life, command))
        {
            life.ids.iter().for_each(|id| self.lanes[lane].clean_up(id));
        }
    }

    /// Gives one command to all these containers; false if it failed or need not be tried.
    fn step(&mut self, life: &Life, command: &str) -> bool {
        let what = format!("{command}, {}, {}", life.config.name(), life.pace.name());
        let thing = Thing {
            section: "command",
            what,
        };
        if self.is_out(&thing, life.lane, life.config) {
            return false;
        }
        let quiet = self.quiet(life.pace);
        for (place, id) in life.ids.iter().enumerate() {
            let lane = &mut self.lanes[life.lane];
            let outcome = lane.command(&life.words(command, id), quiet);
            if place == 0 && life.ids.len() > 1 && outcome.is_ok() {
                continue;
            }
            if !self.report.add(&thing, lane.name, &outcome) {
                return false;
            }
        }
        command != "kill" || self.lanes[life.lane].drain().is_ok()
    }
}

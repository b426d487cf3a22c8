//! create, state, start, exec, kill, delete: each command by itself.
use crate::bundle::Config;
use crate::report::Thing;
use crate::{Bench, Pace};

impl Bench {
    /// One container of every runtime through its whole life, both ways.
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
        let id = self.next_id(lane);
        let bundle = self.bundles.sleeping(config);
        let commands: [&[&str]; 6] = [
            &["create", "--bundle", &bundle, &id],
            &["state", &id],
            &["start", &id],
            &["exec", &id, "/bin/true"],
            &["kill", &id, "KILL"],
            &["delete", &id],
        ];
        for words in commands {
            let what = format!("{}, {}, {}", words[0], config.name(), pace.name());
            let thing = Thing {
                section: "command",
                what,
            };
            if self.is_out(&thing, lane, config) {
                return self.lanes[lane].clean_up(&id);
            }
            let quiet = self.quiet(pace);
            let mut outcome = self.lanes[lane].command(words, quiet);
            if words[0] == "kill" && outcome.is_ok() {
                outcome = self.lanes[lane].drain().and(outcome);
            }
            if !self.report.add(&thing, self.lanes[lane].name, &outcome) {
                return self.lanes[lane].clean_up(&id);
            }
        }
    }
}

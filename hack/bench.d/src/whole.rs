//! `run /bin/true`, from the start of the runtime to its end.
use crate::bundle::Config;
use crate::report::Thing;
use crate::{Bench, Pace};

/// Back to back, a lane runs so often before it is the next one's turn; the first run is not
/// counted, for it follows another lane.
const BURST: usize = 3;

impl Bench {
    /// One round of every lane, both ways, for each configuration.
    pub fn whole_round(&mut self, round: usize) {
        for config in Config::ALL {
            for lane in self.turns(round) {
                self.burst(lane, config);
            }
            for lane in self.turns(round) {
                self.whole(lane, config, Pace::Settled);
            }
        }
    }

    fn burst(&mut self, lane: usize, config: Config) {
        if self.report.is_refused(self.lanes[lane].name, config) {
            return;
        }
        let id = self.next_id(lane);
        let argv = self.lanes[lane].run_argv(&self.bundles, config, &id);
        let quiet = self.quiet(Pace::BackToBack);
        if self.lanes[lane].execute(argv, quiet).is_err() {
            self.lanes[lane].clean_up(&id);
        }
        for _ in 1..BURST {
            self.whole(lane, config, Pace::BackToBack);
        }
    }

    fn whole(&mut self, lane: usize, config: Config, pace: Pace) {
        let what = format!("run, {}, {}", config.name(), pace.name());
        let thing = Thing {
            section: "whole run",
            what,
        };
        if self.is_out(&thing, lane, config) {
            return;
        }
        let id = self.next_id(lane);
        let argv = self.lanes[lane].run_argv(&self.bundles, config, &id);
        let quiet = self.quiet(pace);
        let outcome = self.lanes[lane].execute(argv, quiet);
        if !self.report.add(&thing, self.lanes[lane].name, &outcome) {
            self.lanes[lane].clean_up(&id);
        }
    }
}

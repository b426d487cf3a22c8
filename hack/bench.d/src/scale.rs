//! Many containers at once.
use crate::Bench;
use crate::bundle::Config;
use crate::lane::Outcome;
use crate::report::Thing;

/// How many are made eight at a time and timed.
const MANY: u64 = 200;
const LISTS: usize = 10;

fn thing(what: String) -> Thing {
    Thing {
        section: "at scale",
        what,
    }
}

impl Bench {
    /// The runtimes, in the order of this round, that may be asked for this.
    fn candidates(&self, round: usize, thing: &Thing) -> Vec<usize> {
        let fit = |&lane: &usize| {
            self.lanes[lane].is_runtime() && !self.is_out(thing, lane, Config::Plain)
        };
        self.turns(round).filter(fit).collect()
    }

    /// 200 creates, and their end, for every runtime in turn.
    pub fn scale_round(&mut self, round: usize) {
        let creates = thing(format!("{MANY} creates, 8 at a time"));
        let ends = thing(format!("kill and delete of {MANY}, 8 at a time"));
        for lane in self.candidates(round, &creates) {
            let name = self.lanes[lane].name;
            let outcome = self.create_many(lane, MANY);
            self.report.add(&creates, name, &outcome);
            let outcome = self.end_many(lane, MANY);
            self.report.add(&ends, name, &outcome);
        }
    }

    fn create_many(&mut self, lane: usize, count: u64) -> Outcome {
        let id = self.lanes[lane].id("{n}");
        let bundle = self.bundles.sleeping(Config::Plain);
        self.lanes[lane].batch(&["create", "--bundle", &bundle, &id], count)
    }

    /// Kills and deletes the first `count` containers; the time is that of both without the wait
    /// for the deaths between them.
    fn end_many(&mut self, lane: usize, count: u64) -> Outcome {
        let id = self.lanes[lane].id("{n}");
        let here = &mut self.lanes[lane];
        let killed = here.batch(&["kill", &id, "KILL"], count);
        let drained = if killed.is_ok() {
            here.drain()
        } else {
            Err("not killed".to_owned())
        };
        let deleted = here.batch(&["delete", &id], count);
        let whole = killed.and_then(|killed| {
            let (_, mut both) = (drained?, deleted?);
            both.wall_ms += killed.wall_ms;
            both.cpu_ms += killed.cpu_ms;
            Ok(both)
        });
        if whole.is_err() {
            here.clean_up("none");
            let _ = here.batch(&["delete", "--force", &id], count);
        }
        whole
    }

    /// `list` with so many containers in each runtime's directory, all made by the runtimes.
    pub fn list(&mut self, count: u64) {
        let list = thing(format!("list of {count} containers"));
        let quiet_list = thing(format!("list -q of {count} containers"));
        let mut full = Vec::new();
        for lane in self.candidates(0, &list) {
            let made = self.create_many(lane, count);
            if made.is_ok() {
                full.push(lane);
            } else {
                self.report.add(&list, self.lanes[lane].name, &made);
                let _ = self.end_many(lane, count);
            }
        }
        for &lane in (0..LISTS).flat_map(|_| &full) {
            let name = self.lanes[lane].name;
            let outcome = self.lanes[lane].now(&["list"]);
            self.report.add(&list, name, &outcome);
            let outcome = self.lanes[lane].now(&["list", "-q"]);
            self.report.add(&quiet_list, name, &outcome);
        }
        for lane in full {
            let _ = self.end_many(lane, count);
        }
    }
}

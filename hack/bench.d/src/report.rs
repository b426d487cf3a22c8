//! The figures, and the tables and the JSON that are made of them.
use crate::bundle::Config;
use crate::lane::Outcome;
use serde_json::{Value, json};
use std::fmt::Write as _;

/// The samples of one lane for one thing that was measured.
#[derive(Default)]
struct Samples {
    wall_ms: Vec<f64>,
    cpu_ms: Vec<f64>,
    failures: usize,
    error: Option<String>,
}

/// Something whose time is taken, and the table it belongs to.
#[derive(Clone, PartialEq, Eq)]
pub struct Thing {
    pub section: &'static str,
    pub what: String,
}

/// One thing that was measured, by lane.
struct Row {
    thing: Thing,
    lanes: Vec<(&'static str, Samples)>,
}

/// A quantity that is not a time: one figure for each lane, or why there is none.
struct Quantity {
    /// Ends with the unit.
    what: String,
    lanes: Vec<(&'static str, Result<f64, String>)>,
}

/// Everything that was measured, in the order in which it was first met.
#[derive(Default)]
pub struct Report {
    rows: Vec<Row>,
    quantities: Vec<Quantity>,
    refused: Vec<(&'static str, Config, String)>,
    pub lanes: Vec<&'static str>,
    pub machine: Value,
}

/// The lane of this project.
pub const OURS: &str = "onggi";

fn sorted(values: &[f64]) -> Vec<f64> {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    values
}

/// The value below which that share of the values lies.
fn quantile(values: &[f64], share: f64) -> Option<f64> {
    let values = sorted(values);
    let last = values.len().checked_sub(1)?;
    let place = last as f64 * share;
    let (low, high) = (
        values[place.floor() as usize],
        values[place.ceil() as usize],
    );
    Some(low + (high - low) * place.fract())
}

impl Samples {
    fn median(&self) -> Option<f64> {
        quantile(&self.wall_ms, 0.5)
    }

    fn cell(&self) -> String {
        let (Some(median), Some(min)) = (self.median(), quantile(&self.wall_ms, 0.0)) else {
            return "failed".to_owned();
        };
        let cpu = quantile(&self.cpu_ms, 0.5).unwrap_or_default();
        let failed = match self.failures {
            0 => String::new(),
            failures => format!(", {failures} failed"),
        };
        format!("{median:.2} ({min:.2}) {cpu:.1}{failed}")
    }

    fn to_json(&self) -> Value {
        json!({
            "n": self.wall_ms.len(),
            "median_ms": self.median(),
            "min_ms": quantile(&self.wall_ms, 0.0),
            "p90_ms": quantile(&self.wall_ms, 0.9),
            "cpu_median_ms": quantile(&self.cpu_ms, 0.5),
            "failures": self.failures,
            "error": self.error,
        })
    }
}

impl Row {
    /// How the project compares with a peer: median, minimum and CPU.
    fn ratios(&self, peer: &str) -> String {
        let (Some(ours), Some(theirs)) = (of(&self.lanes, OURS), of(&self.lanes, peer)) else {
            return "-".to_owned();
        };
        let ratio = |figure: &dyn Fn(&Samples) -> Option<f64>| {
            let ratio = figure(ours)
                .zip(figure(theirs))
                .map(|(ours, theirs)| ours / theirs);
            ratio.map_or("-".to_owned(), |ratio| format!("{ratio:.2}"))
        };
        let median = ratio(&Samples::median);
        let min = ratio(&|samples| quantile(&samples.wall_ms, 0.0));
        let cpu = ratio(&|samples| quantile(&samples.cpu_ms, 0.5));
        format!("{median} ({min}) {cpu}")
    }
}

fn of<'a, T>(lanes: &'a [(&'static str, T)], lane: &str) -> Option<&'a T> {
    lanes
        .iter()
        .find(|(name, _)| *name == lane)
        .map(|(_, value)| value)
}

impl Report {
    fn samples(&mut self, thing: &Thing, lane: &'static str) -> &mut Samples {
        let place = self
            .rows
            .iter()
            .position(|row| row.thing == *thing)
            .unwrap_or_else(|| {
                self.rows.push(Row {
                    thing: thing.clone(),
                    lanes: Vec::new(),
                });
                self.rows.len() - 1
            });
        let lanes = &mut self.rows[place].lanes;
        let place = lanes
            .iter()
            .position(|(name, _)| *name == lane)
            .unwrap_or_else(|| {
                lanes.push((lane, Samples::default()));
                lanes.len() - 1
            });
        &mut lanes[place].1
    }

    /// Notes one sample; false if it was a failure.
    pub fn add(&mut self, thing: &Thing, lane: &'static str, outcome: &Outcome) -> bool {
        let samples = self.samples(thing, lane);
        match outcome {
            Ok(cost) => {
                samples.wall_ms.push(cost.wall_ms);
                samples.cpu_ms.push(cost.cpu_ms);
            }
            Err(why) => {
                samples.failures += 1;
                samples.error.get_or_insert_with(|| why.clone());
            }
        }
        outcome.is_ok()
    }

    /// Notes one quantity.
    pub fn quantity(&mut self, what: &str, lane: &'static str, value: Result<f64, String>) {
        let place = self
            .quantities
            .iter()
            .position(|row| row.what == what)
            .unwrap_or_else(|| {
                self.quantities.push(Quantity {
                    what: what.to_owned(),
                    lanes: Vec::new(),
                });
                self.quantities.len() - 1
            });
        self.quantities[place].lanes.push((lane, value));
    }

    /// Whether a lane failed at this and never did it.
    pub fn is_hopeless(&self, thing: &Thing, lane: &str) -> bool {
        let row = self.rows.iter().find(|row| row.thing == *thing);
        let samples = row.and_then(|row| of(&row.lanes, lane));
        samples.is_some_and(|samples| samples.failures > 0 && samples.wall_ms.is_empty())
    }

    /// What was measured for a table.
    pub fn things(&self, section: &str) -> Vec<&str> {
        let rows = self.rows.iter().filter(|row| row.thing.section == section);
        rows.map(|row| &*row.thing.what).collect()
    }

    /// The samples of a lane, for a table.
    pub fn cell(&self, what: &str, lane: &str) -> String {
        let row = self.rows.iter().find(|row| row.thing.what == what);
        let samples = row.and_then(|row| of(&row.lanes, lane));
        samples.map_or("-".to_owned(), Samples::cell)
    }

    /// The failures, as a list; nothing where there are none.
    pub fn complaints(&self) -> String {
        let mut out = String::new();
        for (place, (lane, what, why)) in self.errors().into_iter().enumerate() {
            let head = if place == 0 { "\nFailures\n\n" } else { "" };
            let _ = writeln!(out, "{head}* {lane}: {what}: {why}");
        }
        out
    }

    /// The median of a lane, or its quantity.
    pub fn figure(&self, what: &str, lane: &str) -> Option<f64> {
        if let Some(row) = self.rows.iter().find(|row| row.thing.what == what) {
            return of(&row.lanes, lane)?.median();
        }
        let row = self.quantities.iter().find(|row| row.what == what)?;
        of(&row.lanes, lane)?.as_ref().ok().copied()
    }

    /// Notes that a lane does not do what a configuration says: none of its figures with this
    /// configuration will be taken.
    pub fn refuse(&mut self, lane: &'static str, config: Config, why: String) {
        self.refused.push((lane, config, why));
    }

    /// Whether a lane's figures with a configuration mean nothing.
    pub fn is_refused(&self, lane: &str, config: Config) -> bool {
        self.refused
            .iter()
            .any(|(name, of, _)| *name == lane && *of == config)
    }

    /// What the project takes of what a peer takes.
    pub fn ratio(&self, what: &str, against: &str) -> Option<f64> {
        Some(self.figure(what, OURS)? / self.figure(what, against)?)
    }

    fn times(&self, out: &mut String, section: &str, lanes: &[&'static str]) {
        let rows: Vec<_> = self
            .rows
            .iter()
            .filter(|row| row.thing.section == section)
            .collect();
        if rows.is_empty() {
            return;
        }
        let heads: String = lanes.iter().map(|lane| format!(" {lane} |")).collect();
        let with_floor = lanes.contains(&"floor");
        let floor_head = if with_floor { " onggi ÷ floor |" } else { "" };
        let _ = writeln!(out, "\n| {section} |{heads} onggi ÷ crun |{floor_head}");
        let columns = lanes.len() + 2 + usize::from(with_floor);
        let _ = writeln!(out, "|{}", "---|".repeat(columns));
        for row in rows {
            let _ = write!(out, "| {} |", row.thing.what);
            for lane in lanes {
                let cell = of(&row.lanes, lane).map_or("-".to_owned(), Samples::cell);
                let _ = write!(out, " {cell} |");
            }
            let peers: &[&str] = if with_floor {
                &["crun", "floor"]
            } else {
                &["crun"]
            };
            for peer in peers {
                let _ = write!(out, " {} |", row.ratios(peer));
            }
            out.push('\n');
        }
    }

    fn sizes(&self, out: &mut String) {
        if self.quantities.is_empty() {
            return;
        }
        let heads: String = self.lanes.iter().map(|lane| format!(" {lane} |")).collect();
        let _ = writeln!(out, "\n| size and number |{heads}");
        let _ = writeln!(out, "|{}", "---|".repeat(self.lanes.len() + 1));
        for row in &self.quantities {
            let _ = write!(out, "| {} |", row.what);
            for lane in &self.lanes {
                let cell = match of(&row.lanes, lane) {
                    Some(Ok(value)) => format!("{value:.0}"),
                    Some(Err(_)) => "failed".to_owned(),
                    None => "-".to_owned(),
                };
                let _ = write!(out, " {cell} |");
            }
            out.push('\n');
        }
    }

    /// Each thing that failed: the lane, what it was, why.
    fn errors(&self) -> Vec<(&'static str, &str, &str)> {
        let refused = self.refused.iter();
        let refused = refused.map(|(lane, config, why)| (*lane, config.name(), why.as_str()));
        let times = self.rows.iter().flat_map(|row| {
            let lanes = row.lanes.iter();
            lanes.filter_map(|(lane, s)| Some((*lane, &*row.thing.what, s.error.as_deref()?)))
        });
        let quantities = self.quantities.iter().flat_map(|row| {
            let lanes = row.lanes.iter();
            lanes.filter_map(|(lane, value)| Some((*lane, &*row.what, &**value.as_ref().err()?)))
        });
        refused.chain(times).chain(quantities).collect()
    }

    /// The tables, as markdown.
    pub fn to_markdown(&self) -> String {
        let mut out = String::from("Times in ms: median (min) CPU.\n");
        let runtimes: Vec<_> = self
            .lanes
            .iter()
            .copied()
            .filter(|lane| !lane.starts_with("floor"))
            .collect();
        self.times(&mut out, "whole run", &self.lanes);
        self.times(&mut out, "command", &runtimes);
        self.times(&mut out, "at scale", &runtimes);
        self.sizes(&mut out);
        self.goal_table(&mut out);
        out + &self.complaints()
    }

    /// Everything, for programs.
    pub fn to_json(&self) -> Value {
        let rows = self.rows.iter().map(|row| {
            let lanes: serde_json::Map<_, _> = row
                .lanes
                .iter()
                .map(|(lane, s)| ((*lane).to_owned(), s.to_json()))
                .collect();
            json!({"section": row.thing.section, "what": row.thing.what, "lanes": lanes})
        });
        let quantities = self.quantities.iter().map(|row| {
            let lanes: serde_json::Map<_, _> = row
                .lanes
                .iter()
                .map(|(lane, value)| match value {
                    Ok(value) => ((*lane).to_owned(), json!(value)),
                    Err(error) => ((*lane).to_owned(), json!({ "error": error })),
                })
                .collect();
            json!({"what": row.what, "lanes": lanes})
        });
        let goals = self.goals().into_iter().map(|(goal, figure, held)| {
            json!({
                "what": goal.what, "against": goal.against, "most": goal.most,
                "measured": figure, "held": held,
            })
        });
        let refused = self
            .refused
            .iter()
            .map(|(lane, config, why)| json!({"lane": lane, "config": config.name(), "why": why}));
        json!({
            "refused": refused.collect::<Vec<_>>(),
            "machine": self.machine,
            "times": rows.collect::<Vec<_>>(),
            "quantities": quantities.collect::<Vec<_>>(),
            "goals": goals.collect::<Vec<_>>(),
        })
    }
}

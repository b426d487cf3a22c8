//! The bounds that the project set itself.
use crate::report::{OURS, Report};
use std::fmt::Write as _;

/// A bound that the project set itself: row, what to divide by, bound.
pub struct Goal {
    pub what: &'static str,
    pub against: Option<&'static str>,
    pub most: f64,
}

const CRUN: Option<&str> = Some("crun");
const FLOOR: Option<&str> = Some("floor");

const fn goal(what: &'static str, against: Option<&'static str>, most: f64) -> Goal {
    Goal {
        what,
        against,
        most,
    }
}

const GOALS: &[Goal] = &[
    goal("run, plain, back to back", CRUN, 0.5),
    goal("run, plain, back to back", FLOOR, 1.3),
    goal("run, docker, back to back", CRUN, 0.15),
    goal("run, docker, back to back", FLOOR, 1.5),
    goal("run, plain, settled", CRUN, 0.3),
    goal("run, docker, settled", CRUN, 0.15),
    goal("create, plain, back to back", CRUN, 0.5),
    goal("state, plain, back to back", CRUN, 0.3),
    goal("start, plain, back to back", CRUN, 0.3),
    goal("exec, plain, back to back", CRUN, 0.5),
    goal("exec, plain, settled", CRUN, 0.4),
    goal("kill, plain, back to back", CRUN, 0.3),
    goal("delete, plain, back to back", CRUN, 0.5),
    goal("200 creates, 8 at a time", CRUN, 0.5),
    goal("list of 1000 containers", CRUN, 0.4),
    goal("peak memory of any command, KiB", None, 2048.0),
    goal("smallest memory limit, docker, KiB", None, 256.0),
    goal("size of the program, KiB", None, 2560.0),
];

impl Report {
    /// What each goal's figure is, and whether it is held.
    pub fn goals(&self) -> Vec<(&'static Goal, f64, bool)> {
        let figure = |goal: &Goal| match goal.against {
            Some(peer) => self.ratio(goal.what, peer),
            None => self.figure(goal.what, OURS),
        };
        let rows = GOALS.iter().filter_map(|goal| Some((goal, figure(goal)?)));
        rows.map(|(goal, figure)| (goal, figure, figure <= goal.most))
            .collect()
    }

    /// The table of the goals that something was measured for.
    pub fn goal_table(&self, out: &mut String) {
        let goals = self.goals();
        if goals.is_empty() {
            return;
        }
        let _ = writeln!(out, "\n| goal | bound | measured | |\n|---|---|---|---|");
        for (goal, figure, held) in goals {
            let unit = goal
                .against
                .map_or("KiB".to_owned(), |peer| format!("× {peer}"));
            let held = if held { "held" } else { "missed" };
            let (what, most) = (goal.what, goal.most);
            let _ = writeln!(out, "| {what} | ≤ {most} {unit} | {figure:.2} | {held} |");
        }
    }
}

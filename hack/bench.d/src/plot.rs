//! The picture: each runtime's time as a share of crun's, for light and for dark pages.
use crate::report::Report;
use std::fmt::Write as _;

const ROWS: &[(&str, &str)] = &[
    ("run, plain, back to back", "run"),
    ("run, plain, settled", "run, settled"),
    ("run, docker, back to back", "run, docker's config"),
    ("run, docker, settled", "run, docker's config, settled"),
    ("create, plain, back to back", "create"),
    ("state, plain, back to back", "state"),
    ("start, plain, back to back", "start"),
    ("exec, plain, back to back", "exec"),
    ("exec, plain, settled", "exec, settled"),
    ("kill, plain, back to back", "kill"),
    ("delete, plain, back to back", "delete"),
    ("200 creates, 8 at a time", "200 creates, 8 at a time"),
    ("list of 1000 containers", "list of 1000 containers"),
];
const LANES: &[&str] = &["onggi", "crun", "runc"];
/// Where the bars begin, how long crun's is, and where longer ones are cut, in pixels.
const LEFT: f64 = 205.0;
const UNIT: f64 = 200.0;
const CUT: f64 = 400.0;
const BAR: f64 = 9.0;
const ROW: f64 = 38.0;
const TOP: f64 = 46.0;

const STYLE: &str = "
  text { font: 12px -apple-system, 'Segoe UI', Helvetica, Arial, sans-serif; fill: #1f2328 }
  .small { font-size: 10px; fill: #59636e }
  .onggi { fill: #0969da } .crun { fill: #8c959f } .runc { fill: #d0d7de }
  .floor { stroke: #cf222e; stroke-width: 2 } .one { stroke: #8c959f; stroke-dasharray: 2 3 }
  @media (prefers-color-scheme: dark) {
    text { fill: #f0f6fc } .small { fill: #9198a1 }
    .onggi { fill: #4493f8 } .crun { fill: #656c76 } .runc { fill: #3d444d }
    .floor { stroke: #f85149 } .one { stroke: #656c76 }
  }
";

fn milliseconds(ms: f64) -> String {
    match ms {
        ms if ms >= 1000.0 => format!("{:.2} s", ms / 1000.0),
        ms if ms >= 100.0 => format!("{ms:.0} ms"),
        ms => format!("{ms:.1} ms"),
    }
}

fn legend(out: &mut String) {
    let mut x = LEFT;
    for lane in LANES {
        let _ = writeln!(
            out,
            "<rect class='{lane}' x='{x}' y='14' width='10' height='10'/>"
        );
        let _ = writeln!(out, "<text x='{}' y='23'>{lane}</text>", x + 14.0);
        x += 64.0;
    }
    let _ = writeln!(
        out,
        "<line class='floor' x1='{x}' x2='{x}' y1='13' y2='25'/>"
    );
    let _ = writeln!(
        out,
        "<text x='{}' y='23'>the kernel's share (floor)</text>",
        x + 8.0
    );
}

fn bars(out: &mut String, report: &Report, what: &str, top: f64) {
    let Some(crun) = report.figure(what, "crun") else {
        return;
    };
    for (place, lane) in LANES.iter().enumerate() {
        let Some(ms) = report.figure(what, lane) else {
            continue;
        };
        let (y, ratio) = (top + place as f64 * (BAR + 1.0), ms / crun);
        let width = (ratio * UNIT).min(CUT);
        let mut words = milliseconds(ms);
        if *lane != "crun" {
            let _ = write!(words, ", {ratio:.2} ×");
        }
        if ratio * UNIT > CUT {
            words.push_str(" →");
        }
        let _ = writeln!(
            out,
            "<rect class='{lane}' x='{LEFT}' y='{y}' width='{width:.1}' height='{BAR}'/>\
             <text class='small' x='{:.1}' y='{}'>{words}</text>",
            LEFT + width + 5.0,
            y + BAR - 1.0,
        );
    }
    if let Some(floor) = report.figure(what, "floor") {
        let (x, end) = (LEFT + floor / crun * UNIT, top + 2.0 * BAR + 2.0);
        let _ = writeln!(
            out,
            "<line class='floor' x1='{x:.1}' x2='{x:.1}' y1='{}' y2='{end}'/>",
            top - 2.0
        );
    }
}

/// The picture as an SVG document.
pub fn svg(report: &Report) -> String {
    let rows: Vec<_> = ROWS
        .iter()
        .filter(|(what, _)| report.figure(what, "crun").is_some())
        .collect();
    let height = TOP + ROW * rows.len() as f64 + 26.0;
    let mut out = format!(
        "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 720 {height}' width='720' \
         height='{height}' role='img' aria-label='Time of each command, crun = 1'>\n\
         <style>{STYLE}</style>\n"
    );
    legend(&mut out);
    for (place, (what, label)) in rows.iter().enumerate() {
        let top = TOP + ROW * place as f64;
        let _ = writeln!(
            out,
            "<text x='{}' y='{}' text-anchor='end'>{label}</text>",
            LEFT - 10.0,
            top + 19.0
        );
        bars(&mut out, report, what, top);
    }
    let (x, end) = (LEFT + UNIT, height - 24.0);
    let _ = writeln!(
        out,
        "<line class='one' x1='{x}' x2='{x}' y1='{}' y2='{end}'/>",
        TOP - 8.0
    );
    let _ = writeln!(
        out,
        "<text class='small' x='{LEFT}' y='{}'>wall time, median; crun's bar is 1; \
         longer is slower</text>\n</svg>",
        height - 8.0
    );
    out
}

//! What the seccomp filter of docker's default profile costs: to compile, and to load.
//!
//! `cargo run --release --example seccomp_cost` prints medians (and the least) in microseconds, of
//! our own compiler and of libseccomp in its plain and its tree form: compiled as the first thing
//! that a process does, as a runtime would, and over and over; loaded, each time by a process of
//! its own, for filters add up.

use std::error::Error;
use std::io::Read;
use std::process::Command;
use std::sync::LazyLock;
use std::time::Instant;

use libseccomp::{
    ScmpAction, ScmpArch, ScmpArgCompare, ScmpCompareOp, ScmpFilterContext, ScmpSyscall,
};
use onggi::seccomp::{Arch, compile};
use onggi::spec;

const PROFILE: &str = include_str!("../src/seccomp/testdata/docker.json");
const PROCESSES: usize = 101;

static PARSED: LazyLock<spec::Seccomp<'static>> =
    LazyLock::new(|| serde_json::from_str(PROFILE).expect("the profile is sound"));

type Program = Vec<libc::sock_filter>;

fn main() -> Result<(), Box<dyn Error>> {
    if let Some(which) = std::env::args().nth(1) {
        return cost(&which);
    }
    println!("{:<16} instructions  compiled first    compiled again  loaded", "µs: median (min)");
    for (which, rounds) in [("ours", 2001), ("libseccomp", 11), ("libseccomp tree", 11)] {
        let length = program(which)?.len();
        let (mut again, mut first, mut loaded) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..rounds {
            let start = Instant::now();
            program(which)?;
            again.push(start.elapsed().as_secs_f64() * 1e6);
        }
        for _ in 0..PROCESSES {
            let output = Command::new(std::env::current_exe()?).arg(which).output()?.stdout;
            let output = String::from_utf8(output)?;
            let (compile, load) = output.trim().split_once(' ').ok_or("no figures")?;
            first.push(compile.parse()?);
            loaded.push(load.parse()?);
        }
        let [first, again, loaded] = [first, again, loaded].map(middle);
        println!("{which:<16} {length:>12}  {first:<17} {again:<17} {loaded}");
    }
    Ok(())
}

/// The median of some measurements, and the least.
fn middle(mut all: Vec<f64>) -> String {
    all.sort_by(f64::total_cmp);
    format!("{:.1} ({:.1})", all[all.len() / 2], all[0])
}

/// Compiles a filter and loads it into this process; prints how long both took.
fn cost(which: &str) -> Result<(), Box<dyn Error>> {
    LazyLock::force(&PARSED);
    nix::sys::prctl::set_no_new_privs()?;
    let start = Instant::now();
    let program = program(which)?;
    let compiled = start.elapsed().as_secs_f64() * 1e6;
    let start = Instant::now();
    onggi::sys::seccomp::load(&program, 0)?;
    println!("{compiled} {}", start.elapsed().as_secs_f64() * 1e6);
    Ok(())
}

fn program(which: &str) -> Result<Program, Box<dyn Error>> {
    let profile = &*PARSED;
    if which == "ours" {
        let filter = compile(profile, Arch::NATIVE)?;
        return Ok(filter.program.into_iter().map(Into::into).collect());
    }
    let mut filter = ScmpFilterContext::new(ScmpAction::Errno(1))?;
    filter.set_ctl_optimize(if which == "libseccomp" { 1 } else { 2 })?;
    for arch in &profile.architectures {
        filter.add_arch(arch.parse::<ScmpArch>()?)?;
    }
    for rule in &profile.syscalls {
        let action = match rule.errno_ret {
            Some(errno) => ScmpAction::Errno(errno.cast_signed()),
            None => ScmpAction::Allow,
        };
        let args: Vec<_> = rule.args.iter().map(compare).collect();
        for call in rule.names.iter().filter_map(|name| ScmpSyscall::from_name(name).ok()) {
            filter.add_rule_conditional(action, call, &args)?;
        }
    }
    let (mut reader, writer) = std::io::pipe()?;
    let mut bytes = Vec::new();
    filter.export_bpf(&writer)?;
    drop(writer);
    reader.read_to_end(&mut bytes)?;
    let instruction = |b: &[u8]| libc::sock_filter {
        code: u16::from_ne_bytes([b[0], b[1]]),
        jt: b[2],
        jf: b[3],
        k: u32::from_ne_bytes([b[4], b[5], b[6], b[7]]),
    };
    Ok(bytes.chunks_exact(8).map(instruction).collect())
}

fn compare(arg: &spec::Arg<'_>) -> ScmpArgCompare {
    match arg.op.as_str() {
        "SCMP_CMP_LT" => ScmpArgCompare::new(arg.index, ScmpCompareOp::Less, arg.value),
        "SCMP_CMP_GT" => ScmpArgCompare::new(arg.index, ScmpCompareOp::Greater, arg.value),
        "SCMP_CMP_EQ" => ScmpArgCompare::new(arg.index, ScmpCompareOp::Equal, arg.value),
        _ => {
            let op = ScmpCompareOp::MaskedEqual(arg.value);
            ScmpArgCompare::new(arg.index, op, arg.value_two)
        }
    }
}

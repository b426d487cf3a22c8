//! What the seccomp filter of docker's default profile costs: to compile, and to load.
//!
//! `cargo run --release --example seccomp_cost` prints medians (and the least) in microseconds,
//! of our own compiler and of libseccomp in its plain and its tree form. Each load is made by a
//! process of its own, for filters add up.

use std::error::Error;
use std::io::Read;
use std::process::Command;
use std::time::Instant;

use libseccomp::{
    ScmpAction, ScmpArch, ScmpArgCompare, ScmpCompareOp, ScmpFilterContext, ScmpSyscall,
};
use onggi::seccomp::{Arch, compile};
use onggi::spec;

const PROFILE: &str = include_str!("../src/seccomp/testdata/docker.json");
const LOADS: usize = 101;

type Program = Vec<libc::sock_filter>;

fn main() -> Result<(), Box<dyn Error>> {
    if let Some(which) = std::env::args().nth(1) {
        println!("{}", load(&program(&which)?)?);
        return Ok(());
    }
    println!(
        "{:<18} {:>12} {:>18} {:>18}",
        "", "instructions", "compile µs (min)", "load µs (min)"
    );
    for (which, rounds) in [("ours", 2001), ("libseccomp", 11), ("libseccomp tree", 11)] {
        let length = program(which)?.len();
        let compiled = times(rounds, || {
            let start = Instant::now();
            program(which).map(|_| start.elapsed().as_secs_f64() * 1e6)
        })?;
        let loaded = times(LOADS, || {
            let output = Command::new(std::env::current_exe()?).arg(which).output()?;
            Ok(String::from_utf8(output.stdout)?.trim().parse()?)
        })?;
        println!("{which:<18} {length:>12} {compiled:>18} {loaded:>18}");
    }
    Ok(())
}

/// The median of some measurements, and the least.
fn times(
    rounds: usize,
    mut measure: impl FnMut() -> Result<f64, Box<dyn Error>>,
) -> Result<String, Box<dyn Error>> {
    let mut all = (0..rounds).map(|_| measure()).collect::<Result<Vec<_>, _>>()?;
    all.sort_by(f64::total_cmp);
    Ok(format!("{:.1} ({:.1})", all[rounds / 2], all[0]))
}

/// Loads a filter into this process; in microseconds.
fn load(program: &Program) -> Result<f64, Box<dyn Error>> {
    nix::sys::prctl::set_no_new_privs()?;
    let start = Instant::now();
    onggi::sys::seccomp::load(program, 0)?;
    Ok(start.elapsed().as_secs_f64() * 1e6)
}

fn program(which: &str) -> Result<Program, Box<dyn Error>> {
    static PARSED: std::sync::LazyLock<spec::Seccomp<'static>> =
        std::sync::LazyLock::new(|| serde_json::from_str(PROFILE).expect("the profile is sound"));
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

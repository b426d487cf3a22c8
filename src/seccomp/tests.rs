use std::io::{Read, Seek};

use libseccomp::ScmpSyscall;
use libseccomp::{ScmpAction, ScmpArch, ScmpArgCompare, ScmpCompareOp, ScmpFilterContext};

use super::interpret::{Call, run};
use super::judge::judge;
use super::words;
use super::{Arch, Instruction, compile};
use crate::spec;

pub(super) const DOCKER: &str = include_str!("testdata/docker.json");

/// What libseccomp makes of a profile, driven as runc drives it.
fn oracle(profile: &spec::Seccomp<'_>) -> Result<Vec<Instruction>, String> {
    let default = theirs(&profile.default_action, profile.default_errno_ret);
    let mut filter = ScmpFilterContext::new(default).unwrap();
    for arch in &profile.architectures {
        filter.add_arch(arch.parse::<ScmpArch>().unwrap()).map_err(|e| e.to_string())?;
    }
    for rule in &profile.syscalls {
        let action = theirs(&rule.action, rule.errno_ret);
        if action == default {
            continue;
        }
        for name in &rule.names {
            let Ok(call) = ScmpSyscall::from_name(name) else { continue };
            let compares: Vec<_> = rule.args.iter().map(compare).collect();
            let mut seen = [0; 6];
            rule.args.iter().for_each(|arg| seen[arg.index as usize] += 1);
            let size = if seen.iter().any(|n| *n > 1) { 1 } else { compares.len().max(1) };
            if compares.is_empty() {
                filter.add_rule(action, call).map_err(|e| format!("{name}: {e}"))?;
            }
            for compares in compares.chunks(size) {
                filter
                    .add_rule_conditional(action, call, compares)
                    .map_err(|e| format!("{name}: {e}"))?;
            }
        }
    }
    let (mut reader, writer) = std::io::pipe().unwrap();
    let thread = std::thread::spawn(move || {
        let mut bytes = Vec::new();
        reader.read_to_end(&mut bytes).unwrap();
        bytes
    });
    filter.export_bpf(&writer).unwrap();
    drop(writer);
    Ok(instructions(&thread.join().unwrap()))
}

fn instructions(bytes: &[u8]) -> Vec<Instruction> {
    let one = |b: &[u8]| Instruction {
        code: u16::from_ne_bytes([b[0], b[1]]),
        jt: b[2],
        jf: b[3],
        k: u32::from_ne_bytes([b[4], b[5], b[6], b[7]]),
    };
    bytes.chunks_exact(8).map(one).collect()
}

fn theirs(word: &str, errno: Option<u32>) -> ScmpAction {
    let errno = errno.unwrap_or(1);
    match word {
        "SCMP_ACT_KILL" | "SCMP_ACT_KILL_THREAD" => ScmpAction::KillThread,
        "SCMP_ACT_KILL_PROCESS" => ScmpAction::KillProcess,
        "SCMP_ACT_TRAP" => ScmpAction::Trap,
        "SCMP_ACT_ERRNO" => ScmpAction::Errno(errno as i32),
        "SCMP_ACT_TRACE" => ScmpAction::Trace(errno as u16),
        "SCMP_ACT_LOG" => ScmpAction::Log,
        "SCMP_ACT_NOTIFY" => ScmpAction::Notify,
        "SCMP_ACT_ALLOW" => ScmpAction::Allow,
        _ => panic!("{word}"),
    }
}

fn compare(arg: &spec::Arg<'_>) -> ScmpArgCompare {
    let (op, value) = match arg.op.as_str() {
        "SCMP_CMP_NE" => (ScmpCompareOp::NotEqual, arg.value),
        "SCMP_CMP_LT" => (ScmpCompareOp::Less, arg.value),
        "SCMP_CMP_LE" => (ScmpCompareOp::LessOrEqual, arg.value),
        "SCMP_CMP_EQ" => (ScmpCompareOp::Equal, arg.value),
        "SCMP_CMP_GE" => (ScmpCompareOp::GreaterEqual, arg.value),
        "SCMP_CMP_GT" => (ScmpCompareOp::Greater, arg.value),
        _ => (ScmpCompareOp::MaskedEqual(arg.value), arg.value_two),
    };
    ScmpArgCompare::new(arg.index, op, value)
}

#[test]
fn explore() {
    let mut profile: spec::Seccomp<'_> = serde_json::from_str(DOCKER).unwrap();
    eprintln!("full {}", compile(&profile, Arch::X86_64).unwrap().program.len());
    for rule in &mut profile.syscalls {
        rule.names.retain(|n| {
            let k = ScmpSyscall::from_name(n).is_ok();
            if !k {
                eprint!("{n} ")
            }
            k
        })
    }
    let ours = compile(&profile, Arch::X86_64).unwrap();
    eprintln!("{} {:?}", ours.program.len(), ours.warnings);
    let theirs = oracle(&profile).unwrap();
    eprintln!("theirs {}", theirs.len());
    for arch in [Arch::X86_64, Arch::I386, Arch::X32] {
        let base = if arch == Arch::X32 { 0x40000000 } else { 0 };
        let (mut n, mut total, mut worst, mut t2) = (0, 0, 0, 0);
        for number in (0..600).chain([u32::MAX - base, 0x3fffffff]) {
            for args in
                [0u64, 8, 38, 39, 40, 0x10000000, 0xffffffff, 1 << 32, (1 << 32) + 8, u64::MAX]
            {
                let call = Call { number: number + base, audit: arch.audit(), args: [args; 6] };
                let (a, steps) = run(&ours.program, &call);
                let (b, s2) = run(&theirs, &call);
                let c = judge(&profile, Arch::X86_64, &call);
                if a != c {
                    eprintln!("judge {call:x?} ours {a:x} judge {c:x}");
                }
                if a != b && a != 0x50026 && args == 0 {
                    eprintln!("{call:x?} ours {a:x} theirs {b:x}");
                }
                if number < 471 && args == 0 {
                    n += 1;
                    total += steps;
                    t2 += s2;
                    worst = worst.max(steps)
                }
            }
        }
        eprintln!(
            "{arch:?} mean {} theirs {} worst {worst}",
            total as f64 / n as f64,
            t2 as f64 / n as f64
        );
    }
}

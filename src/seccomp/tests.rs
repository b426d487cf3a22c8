use std::io::Read;

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

#[test]
fn tables() {
    use super::syscalls;
    let arches = [
        (Arch::X86_64, ScmpArch::X8664),
        (Arch::I386, ScmpArch::X86),
        (Arch::X32, ScmpArch::X32),
        (Arch::Aarch64, ScmpArch::Aarch64),
        (Arch::Arm, ScmpArch::Arm),
        (Arch::Riscv64, ScmpArch::Riscv64),
    ];
    for row in syscalls::names_for_tests() {
        for (a, t) in arches {
            let ours = syscalls::find(row).unwrap().slot(a).map(|s| syscalls::number(a, s));
            let m = syscalls::find(row).unwrap().multiplexed();
            match ScmpSyscall::from_name_by_arch(row, t) {
                Err(_) => {
                    if a == Arch::X86_64 {
                        eprintln!("unknown {row}")
                    }
                }
                Ok(n) => {
                    let n = n.as_raw_syscall();
                    if (n >= 0) != ours.is_some() || n >= 0 && Some(n as u32) != ours {
                        eprintln!("{row} {a:?} {n} {ours:?} {m:?}")
                    }
                }
            }
        }
    }
}

#[test]
fn order() {
    let mut seed = 12345u64;
    let mut rnd = move |n: u64| {
        seed = seed.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (seed >> 33) % n
    };
    let ops = ["NE", "LT", "LE", "EQ", "GE", "GT", "MASKED_EQ"];
    let acts = ["SCMP_ACT_ALLOW", "SCMP_ACT_LOG", "SCMP_ACT_TRAP", "SCMP_ACT_KILL_PROCESS"];
    let vals = [0u64, 1, 2, 3, 4, 5, 1 << 32, (1 << 32) + 1, (1 << 32) + 3, 2 << 32];
    let same = std::env::var("SAME").is_ok();
    let nargs = std::env::var("ARGS").map_or(1, |s| s.parse().unwrap());
    let argn = std::env::var("ARGN").map_or(1, |s| s.parse().unwrap());
    let nv = std::env::var("VALS").map_or(10, |s| s.parse().unwrap());
    let (mut err, mut total, mut profiles) = (0, 0, 0);
    let mut bad = [0; 4];
    let mut shown = 0;
    for _ in 0..4000 {
        let mut rules: Vec<(usize, Vec<(usize, usize, u64, u64)>)> = vec![];
        for i in 0..2 + rnd(2) as usize {
            let mut args: Vec<(usize, usize, u64, u64)> = vec![];
            for _ in 0..1 + rnd(nargs) {
                let a = rnd(argn) as usize;
                if args.iter().any(|x| x.0 == a) {
                    continue;
                }
                args.push((a, rnd(7) as usize, vals[rnd(nv) as usize], vals[rnd(nv) as usize]));
            }
            args.sort();
            rules.push((if same { 0 } else { i }, args));
        }
        let json = format!(
            r#"{{"defaultAction":"SCMP_ACT_ERRNO","syscalls":[{}]}}"#,
            rules
                .iter()
                .map(|(a, args)| format!(
                    r#"{{"names":["getpid"],"action":"{}","args":[{}]}}"#,
                    acts[*a],
                    args.iter()
                        .map(|(i, o, v, w)| format!(
                            r#"{{"index":{i},"op":"SCMP_CMP_{}","value":{v},"valueTwo":{w}}}"#,
                            ops[*o]
                        ))
                        .collect::<Vec<_>>()
                        .join(",")
                ))
                .collect::<Vec<_>>()
                .join(",")
        );
        let profile: spec::Seccomp<'_> = serde_json::from_str(&json).unwrap();
        let Ok(theirs) = oracle(&profile) else {
            err += 1;
            continue;
        };
        profiles += 1;
        let eval = |order: &[usize], call: &Call| -> u32 {
            for &i in order {
                let (a, args) = &rules[i];
                if args.iter().all(|(x, o, v, w)| {
                    let c = call.args[*x];
                    match o {
                        0 => c != *v,
                        1 => c < *v,
                        2 => c <= *v,
                        3 => c == *v,
                        4 => c >= *v,
                        5 => c > *v,
                        _ => c & v == w & v,
                    }
                }) {
                    return words::action(acts[*a], None).unwrap().0;
                }
            }
            0x50001
        };
        let natural: Vec<usize> = (0..rules.len()).collect();
        let reversed: Vec<usize> = (0..rules.len()).rev().collect();
        let class = |o: usize| match o {
            0 | 3 | 6 => 3,
            1 | 2 => 2,
            _ => 1,
        };
        let key = |i: usize| {
            let (x, o, v, w) = rules[i].1[0];
            let d = if o == 6 { w & v } else { v };
            (
                !(o == 6 && v == 0),
                std::cmp::Reverse(x),
                std::cmp::Reverse(class(o)),
                if class(o) == 2 { d } else { u64::MAX - d },
            )
        };
        let mut sorted = natural.clone();
        sorted.sort_by_key(|&i| key(i));
        let mut wrong = [false; 4];
        for _ in 0..60 {
            let mut args = [0u64; 6];
            for a in &mut args {
                *a = vals[rnd(nv) as usize]
            }
            let call = Call { number: 39, audit: Arch::X86_64.audit(), args };
            let t = run(&theirs, &call).0;
            total += 1;
            for (k, o) in [&natural, &reversed, &sorted].iter().enumerate() {
                if eval(o, &call) != t {
                    wrong[k] = true;
                }
            }
            let matching: Vec<u32> =
                natural.iter().map(|&i| eval(&[i], &call)).filter(|a| *a != 0x50001).collect();
            if !(matching.is_empty() && t == 0x50001 || matching.contains(&t)) {
                wrong[3] = true;
                if shown < 6 {
                    shown += 1;
                    eprintln!("NONSENSE {t:x} for {:x?} {json}", call.args);
                }
            }
        }
        if wrong[2] && !wrong[3] && shown < 8 {
            shown += 1;
            eprintln!("SORT {json}");
        }
        for k in 0..4 {
            bad[k] += usize::from(wrong[k]);
        }
    }
    eprintln!(
        "profiles {profiles} refused {err} calls {total}; wrong profiles: natural {} reversed {} sorted {} nonsense {}",
        bad[0], bad[1], bad[2], bad[3]
    );
}

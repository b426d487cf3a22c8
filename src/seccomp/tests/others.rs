//! Any profile and any call, against the specification's words, libseccomp and seccompiler.

use proptest::collection::vec;
use proptest::prelude::{Strategy, any, prop};
use proptest::sample::select;
use proptest::test_runner::{Config, TestRunner};

use super::{DOCKER, ENOSYS, EPERM, call, profile};
use crate::seccomp::interpret::{Call, run};
use crate::seccomp::judge::judge;
use crate::seccomp::{Arch, compile, oracle, syscalls};
use crate::spec::{Arg, Seccomp, Str, Syscall};

const ARCHES: [Arch; 6] =
    [Arch::X86_64, Arch::I386, Arch::X32, Arch::Aarch64, Arch::Arm, Arch::Riscv64];

const NAMES: &[&str] = &[
    "read",
    "open",
    "close",
    "getpid",
    "socket",
    "socketcall",
    "ipc",
    "semop",
    "send",
    "accept",
    "shmat",
    "recvmmsg",
    "clone",
    "clone3",
    "personality",
    "rt_sigaction",
    "execve",
    "ptrace",
    "pwritev2",
    "openat2",
    "close_range",
    "listns",
    "breakpoint",
    "set_tls",
    "sync_file_range2",
    "arm_sync_file_range",
    "riscv_hwprobe",
    "_llseek",
    "uretprobe",
    "frobnicate",
];

const VALUES: &[u64] = &[
    0,
    1,
    2,
    3,
    9,
    23,
    38,
    0xffff_ffff,
    1 << 32,
    (1 << 32) + 1,
    0x7e02_0000,
    u64::MAX - 1,
    u64::MAX,
    1 << 63,
];

const OPERATORS: &[&str] = &["NE", "LT", "LE", "EQ", "GE", "GT", "MASKED_EQ"];

const ACTIONS: &[&str] =
    &["KILL", "KILL_PROCESS", "KILL_THREAD", "TRAP", "ERRNO", "TRACE", "ALLOW", "LOG", "NOTIFY"];

fn value() -> impl Strategy<Value = u64> {
    (select(VALUES), 0..3u64, any::<u64>(), 0..10u8).prop_map(
        |(known, off, any, dice)| match dice {
            0 => any,
            1 => known.wrapping_add(off).wrapping_sub(1),
            _ => known,
        },
    )
}

fn arg(indices: u32) -> impl Strategy<Value = Arg<'static>> {
    (0..indices, select(OPERATORS), value(), value()).prop_map(|(index, op, value, value_two)| {
        Arg { index, value, value_two, op: format!("SCMP_CMP_{op}").into() }
    })
}

fn rule() -> impl Strategy<Value = Syscall<'static>> {
    let names = vec(select(NAMES).prop_map(Str::from), 1..6);
    (names, select(ACTIONS), 0..3u32, vec(arg(3), 0..4)).prop_map(|(names, action, errno, args)| {
        let errno_ret = (errno > 0 && ["ERRNO", "TRACE"].contains(&action)).then_some(errno);
        Syscall { names, action: format!("SCMP_ACT_{action}").into(), errno_ret, args }
    })
}

fn any_profile() -> impl Strategy<Value = Seccomp<'static>> {
    let arches =
        vec(select(&["X86_64", "X86", "X32", "AARCH64", "ARM", "RISCV64", "MIPS"][..]), 0..5);
    (select(&ACTIONS[..8]), arches, vec(rule(), 0..14)).prop_map(|(default, arches, syscalls)| {
        Seccomp {
            default_action: format!("SCMP_ACT_{default}").into(),
            architectures: arches.iter().map(|a| format!("SCMP_ARCH_{a}").into()).collect(),
            listener_path: "/l".into(),
            syscalls,
            ..Seccomp::default()
        }
    })
}

/// Calls around those that profiles name.
fn any_call() -> impl Strategy<Value = Call> {
    let near = (select(NAMES), 0..3u32).prop_map(|(name, off)| (Some(name), off));
    let number = prop::strategy::Union::new([
        near.clone().boxed(),
        near.boxed(),
        any::<u32>().prop_map(|number| (None, number)).boxed(),
        select(&[600, 0x3fff_ffff, 0x4000_0000, u32::MAX, 0xf0003][..])
            .prop_map(|number| (None, number))
            .boxed(),
    ]);
    let args = [value(), value(), value(), value(), value(), value()];
    (select(&ARCHES[..]), number, args).prop_map(|(arch, (name, off), args)| {
        let slot = name.and_then(syscalls::find).and_then(|call| call.slot(arch));
        let number = match (name, slot) {
            (None, _) => off,
            (_, None) => 100 + off,
            (_, Some(slot)) => (syscalls::number(arch, slot) + off).saturating_sub(1),
        };
        call(arch, number, args)
    })
}

#[test]
fn a_program_does_what_the_profile_says() {
    let mut runner =
        TestRunner::new(Config { cases: 300, failure_persistence: None, ..Config::default() });
    let case = (any_profile(), select(&ARCHES[..]), vec(any_call(), 100));
    let verdict = runner.run(&case, |(profile, native, calls)| {
        let program = compile(&profile, native).unwrap().program;
        for call in calls {
            let expected = judge(&profile, native, &call);
            assert_eq!(run(&program, &call).0, expected, "{call:x?}");
        }
        Ok(())
    });
    verdict.unwrap();
}

/// Enough conditions to make every kind of jump too far for a branch.
#[test]
fn a_long_program_does_what_the_profile_says() {
    let mut profile = profile(
        r#"{"defaultAction":"SCMP_ACT_ERRNO",
            "architectures":["SCMP_ARCH_X86","SCMP_ARCH_X32"]}"#,
    );
    let names: Vec<&str> = super::profile(DOCKER).syscalls[0].names.iter().map(leak).collect();
    for (i, name) in names.iter().enumerate().take(200) {
        let op = format!("SCMP_CMP_{}", OPERATORS[i % OPERATORS.len()]);
        let (value, value_two) = (i as u64 * 0x1_0000_0001, i as u64);
        let args = vec![Arg { index: i as u32 % 6, value, value_two, op: op.into() }];
        let action = format!("SCMP_ACT_{}", ACTIONS[i % 8]).into();
        let names = vec![(*name).into()];
        profile.syscalls.push(Syscall { names, action, args, ..Syscall::default() });
    }
    let program = compile(&profile, Arch::X86_64).unwrap().program;
    assert!(program.len() > 1500, "{}", program.len());
    for number in (0..480).chain(0x4000_0000..0x4000_0240) {
        for arch in [Arch::X86_64, Arch::I386] {
            for value in [0, number & 0xff, 7] {
                let value = u64::from(value) * 0x1_0000_0001;
                let call = call(arch, number, [value; 6]);
                assert_eq!(run(&program, &call).0, judge(&profile, Arch::X86_64, &call));
            }
        }
    }
}

fn leak<'a>(name: &Str<'a>) -> &'static str {
    String::from(name.as_str()).leak()
}

/// Docker's profile, of the calls that this libseccomp has heard of.
fn docker_for_libseccomp() -> Seccomp<'static> {
    let mut profile = profile(DOCKER);
    for rule in &mut profile.syscalls {
        // Newer than Debian 12's libseccomp on some of the architectures.
        rule.names.retain(|name| oracle::knows(name) && name.as_str() != "map_shadow_stack");
    }
    profile
}

#[test]
fn dockers_profile_is_what_libseccomp_makes_of_it() {
    let profile = docker_for_libseccomp();
    let (ours, theirs) =
        (compile(&profile, Arch::X86_64).unwrap().program, oracle::libseccomp(&profile));
    let newest = |arch| if arch == Arch::X32 { 0x4000_0000 + 547 } else { 452 };
    let mut runner =
        TestRunner::new(Config { cases: 100, failure_persistence: None, ..Config::default() });
    for arch in [Arch::X86_64, Arch::I386, Arch::X32] {
        let base = if arch == Arch::X32 { 0x4000_0000 } else { 0 };
        let number = prop::strategy::Union::new([
            (0..600u32).prop_map(move |number| number + base).boxed(),
            select(&[41u32, 56, 102, 117, 120, 135, 136, 359][..])
                .prop_map(move |number| number + base)
                .boxed(),
        ]);
        let values = &[0, 8, 38, 39, 40, 0x2_0000, 0x2_0008, 0xffff_ffff, 0x1000_0000, 1 << 32][..];
        let args = [select(values), select(values), select(values), select(values)];
        let calls = vec((number, args, any::<u64>()), 250);
        let verdict = runner.run(&calls, |calls| {
            for (number, [a, b, c, d], e) in calls {
                let call = call(arch, number, [a, b, c, d, e, e]);
                let (ours, theirs) = (run(&ours, &call).0, run(&theirs, &call).0);
                let stub = number > newest(arch) && ours == ENOSYS && theirs == EPERM;
                assert!(ours == theirs || stub, "{call:x?}: {ours:#x}, libseccomp {theirs:#x}");
            }
            Ok(())
        });
        verdict.unwrap();
    }
}

/// Rules that give the same action, so that their order does not matter, and values of 32 bits:
/// with others, libseccomp 2.5 errs.
#[test]
fn conditions_are_what_libseccomp_makes_of_them() {
    let narrow = |mut arg: Arg<'static>| {
        arg.index = 1;
        (arg.value, arg.value_two) = (arg.value & 0xffff_ffff, arg.value_two & 0xffff_ffff);
        vec![arg]
    };
    let rules = vec(arg(1).prop_map(narrow), 1..4);
    let mut runner =
        TestRunner::new(Config { cases: 300, failure_persistence: None, ..Config::default() });
    let verdict = runner.run(&(rules, vec(value(), 40)), |(rules, values)| {
        let mut profile = profile(
            r#"{"defaultAction":"SCMP_ACT_LOG",
                "architectures":["SCMP_ARCH_X86","SCMP_ARCH_X32"]}"#,
        );
        for args in rules {
            let (names, action) = (vec!["getpid".into()], "SCMP_ACT_TRAP".into());
            profile.syscalls.push(Syscall { names, action, args, ..Syscall::default() });
        }
        let (ours, theirs) =
            (compile(&profile, Arch::X86_64).unwrap().program, oracle::libseccomp(&profile));
        for value in values {
            for (arch, number) in [(Arch::X86_64, 39), (Arch::I386, 20), (Arch::X32, 0x4000_0027)] {
                let call = call(arch, number, [0, value, 0, 0, 0, 0]);
                assert_eq!(run(&ours, &call).0, run(&theirs, &call).0, "{profile:?} {call:x?}");
            }
        }
        Ok(())
    });
    verdict.unwrap();
}

#[test]
fn conjunctions_are_what_seccompiler_makes_of_them() {
    let args = vec(arg(6), 1..5).prop_map(|mut args| {
        args.sort_by_key(|arg| arg.index);
        args.dedup_by_key(|arg| arg.index);
        args
    });
    let mut runner =
        TestRunner::new(Config { cases: 300, failure_persistence: None, ..Config::default() });
    let calls = vec([value(), value(), value(), value(), value(), value()], 40);
    let verdict = runner.run(&(vec(args, 1..5), calls), |(rules, calls)| {
        let mut profile = profile(r#"{"defaultAction":"SCMP_ACT_ERRNO"}"#);
        for args in rules {
            let (names, action) = (vec!["getpid".into()], "SCMP_ACT_ALLOW".into());
            profile.syscalls.push(Syscall { names, action, args, ..Syscall::default() });
        }
        let (ours, theirs) =
            (compile(&profile, Arch::X86_64).unwrap().program, oracle::seccompiler(&profile));
        for args in calls {
            let call = call(Arch::X86_64, 39, args);
            assert_eq!(run(&ours, &call).0, run(&theirs, &call).0, "{profile:?} {call:x?}");
        }
        Ok(())
    });
    verdict.unwrap();
}

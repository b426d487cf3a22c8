use proptest::collection::vec;
use proptest::prelude::{Strategy, any, prop};
use proptest::sample::select;
use proptest::test_runner::{Config, TestRunner};

use super::interpret::{Call, run};
use super::judge::judge;
use super::oracle;
use super::{Arch, Filter, Listener, MOST_INSTRUCTIONS, compile};
use crate::error::Result;
use crate::spec::{Arg, Seccomp, Str, Syscall};

const DOCKER: &str = include_str!("testdata/docker.json");

const ALLOW: u32 = 0x7fff_0000;
const EPERM: u32 = 0x0005_0001;
const ENOSYS: u32 = 0x0005_0026;
const KILL: u32 = 0;

fn profile(json: &str) -> Seccomp<'_> {
    serde_json::from_str(json).unwrap()
}

fn compiled(json: &str) -> Result<Filter> {
    compile(&profile(json), Arch::X86_64)
}

fn call(arch: Arch, number: u32, args: [u64; 6]) -> Call {
    Call { number, audit: arch.audit(), args }
}

fn answer(filter: &Filter, arch: Arch, number: u32, first: u64) -> u32 {
    run(&filter.program, &call(arch, number, [first, 0, 0, 0, 0, 0])).0
}

// What the words mean, and what is wrong.

#[test]
fn every_action_has_its_return() {
    for (action, errno, expected) in [
        ("SCMP_ACT_KILL", "", 0),
        ("SCMP_ACT_KILL_THREAD", "", 0),
        ("SCMP_ACT_KILL_PROCESS", "", 0x8000_0000),
        ("SCMP_ACT_TRAP", "", 0x0003_0000),
        ("SCMP_ACT_ERRNO", "", 0x0005_0001),
        ("SCMP_ACT_ERRNO", r#","errnoRet":0"#, 0x0005_0000),
        ("SCMP_ACT_ERRNO", r#","errnoRet":38"#, 0x0005_0026),
        ("SCMP_ACT_TRACE", "", 0x7ff0_0001),
        ("SCMP_ACT_TRACE", r#","errnoRet":65535"#, 0x7ff0_ffff),
        ("SCMP_ACT_LOG", "", 0x7ffc_0000),
        ("SCMP_ACT_NOTIFY", "", 0x7fc0_0000),
        ("SCMP_ACT_ALLOW", "", 0x7fff_0000),
    ] {
        let filter = compiled(&format!(
            r#"{{"defaultAction":"SCMP_ACT_ERRNO","defaultErrnoRet":99,"listenerPath":"/l",
                "syscalls":[{{"names":["getpid"],"action":"{action}"{errno}}}]}}"#
        ));
        assert_eq!(answer(&filter.unwrap(), Arch::X86_64, 39, 0), expected, "{action}{errno}");
    }
}

#[test]
fn an_error_names_the_field() {
    let rule = |rule: &str| {
        format!(r#"{{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{{"names":["kill"]}},{rule}]}}"#)
            .replace(r#"{"names":["kill"]}"#, r#"{"names":["kill"],"action":"SCMP_ACT_KILL"}"#)
    };
    let arg = |arg: &str| {
        rule(&format!(r#"{{"names":["read"],"action":"SCMP_ACT_TRAP","args":[{arg}]}}"#))
    };
    for (json, error) in [
        (r#"{"defaultAction":"ALLOW"}"#.to_string(), r#"defaultAction: unknown action "ALLOW""#),
        (r#"{"syscalls":[{}]}"#.to_string(), r#"defaultAction: unknown action """#),
        (
            r#"{"defaultAction":"SCMP_ACT_ALLOW","defaultErrnoRet":1}"#.to_string(),
            "defaultErrnoRet: SCMP_ACT_ALLOW takes none",
        ),
        (
            r#"{"defaultAction":"SCMP_ACT_ERRNO","defaultErrnoRet":65536}"#.to_string(),
            "defaultErrnoRet: 65536 is more than 65535",
        ),
        (
            r#"{"defaultAction":"SCMP_ACT_NOTIFY","listenerPath":"/l"}"#.to_string(),
            "defaultAction: SCMP_ACT_NOTIFY is not for the default action",
        ),
        (
            r#"{"defaultAction":"SCMP_ACT_ALLOW","architectures":["SCMP_ARCH_X86","X"]}"#.into(),
            r#"architectures[1]: unknown architecture "X""#,
        ),
        (
            r#"{"defaultAction":"SCMP_ACT_ALLOW","flags":["TSYNC"]}"#.into(),
            r#"flags[0]: unknown flag "TSYNC""#,
        ),
        (rule(r#"{"names":["read"]}"#), r#"syscalls[1].action: unknown action """#),
        (
            rule(r#"{"names":["read"],"action":"SCMP_ACT_TRAP","errnoRet":1}"#),
            "syscalls[1].errnoRet: SCMP_ACT_TRAP takes none",
        ),
        (
            rule(r#"{"names":["read",""],"action":"SCMP_ACT_TRAP"}"#),
            "syscalls[1].names[1]: a call without a name",
        ),
        (
            rule(r#"{"names":["read"],"action":"SCMP_ACT_NOTIFY"}"#),
            "listenerPath: SCMP_ACT_NOTIFY needs one",
        ),
        (
            rule(r#"{"names":["read","write"],"action":"SCMP_ACT_NOTIFY"}"#)
                .replace("]}]}", r#"]}],"listenerPath":"/l"}"#)
                .replace(r#""SCMP_ACT_NOTIFY"}]}"#, r#""SCMP_ACT_NOTIFY"}],"listenerPath":"/l"}"#),
            "syscalls[1].names[1]: SCMP_ACT_NOTIFY cannot be used for the write syscall: init needs it",
        ),
        (
            arg(r#"{"index":0,"op":"SCMP_CMP_EQ"},{"index":6,"op":"SCMP_CMP_EQ"}"#),
            "syscalls[1].args[1].index: 6 is more than 5",
        ),
        (arg(r#"{"index":0,"op":"EQ"}"#), r#"syscalls[1].args[0].op: unknown operator "EQ""#),
    ] {
        let told = compiled(&json).unwrap_err().to_string();
        assert_eq!(told, format!("linux.seccomp.{error}"), "{json}");
    }
}

#[test]
fn flags_are_those_listed_and_spec_allow_when_none_are() {
    const NOTIFY: &str = r#","listenerPath":"/l","listenerMetadata":"m","syscalls":[
        {"names":["read"],"action":"SCMP_ACT_NOTIFY"}]"#;
    for (flags, rest, expected) in [
        ("", "", 4),
        (r#","flags":null"#, "", 4),
        (r#","flags":[]"#, "", 0),
        (r#","flags":["SECCOMP_FILTER_FLAG_LOG","SECCOMP_FILTER_FLAG_TSYNC"]"#, "", 3),
        (r#","flags":["SECCOMP_FILTER_FLAG_SPEC_ALLOW"]"#, "", 4),
        (r#","flags":["SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"]"#, "", 0),
        ("", NOTIFY, 4 + 8),
        (r#","flags":["SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"]"#, NOTIFY, 32 + 8),
        (r#","flags":["SECCOMP_FILTER_FLAG_TSYNC"]"#, NOTIFY, 1 + 16 + 8),
    ] {
        let json = format!(r#"{{"defaultAction":"SCMP_ACT_ALLOW"{flags}{rest}}}"#);
        let filter = compiled(&json).unwrap();
        assert_eq!(filter.flags, expected, "{json}");
        let listener = Listener { path: "/l".into(), metadata: "m".into() };
        assert_eq!(filter.listener, (!rest.is_empty()).then_some(listener), "{json}");
    }
}

#[test]
fn what_is_passed_over_is_told() {
    let filter = compiled(
        r#"{"defaultAction":"SCMP_ACT_ALLOW","listenerPath":"/l",
            "architectures":["SCMP_ARCH_X86_64","SCMP_ARCH_S390X","SCMP_ARCH_ARM"],
            "flags":["SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"],
            "syscalls":[{"names":["frobnicate","read","breakpoint"],"action":"SCMP_ACT_KILL"}]}"#,
    )
    .unwrap();
    assert_eq!(
        filter.warnings,
        [
            "seccomp: no rule notifies, so the listener is not used",
            "seccomp: no rule notifies, so WAIT_KILLABLE_RECV is left out",
            "seccomp: SCMP_ARCH_S390X does not run here and is left out",
            "seccomp: SCMP_ARCH_ARM does not run here and is left out",
            r#"seccomp: unknown system call "frobnicate""#,
        ]
    );
    assert_eq!(answer(&filter, Arch::X86_64, 0, 0), KILL);
}

#[test]
fn a_profile_that_says_nothing_is_no_filter() {
    assert_eq!(compiled("{}").unwrap().program, []);
}

#[test]
fn a_program_too_long_for_the_kernel_is_refused() {
    let mut profile = profile(r#"{"defaultAction":"SCMP_ACT_ALLOW"}"#);
    for value in 0..2 * MOST_INSTRUCTIONS as u64 {
        let arg = Arg { op: "SCMP_CMP_EQ".into(), value, ..Arg::default() };
        let names = vec!["read".into()];
        let action = "SCMP_ACT_TRAP".into();
        profile.syscalls.push(Syscall { names, action, args: vec![arg], ..Syscall::default() });
    }
    let error = compile(&profile, Arch::X86_64).unwrap_err().to_string();
    assert!(error.starts_with("linux.seccomp.syscalls: "), "{error}");
    assert!(error.ends_with(" instructions, and the kernel takes 4096"), "{error}");
}

// What a call meets.

#[test]
fn calls_newer_than_the_profile_do_not_exist() {
    let json = |default: &str| {
        format!(
            r#"{{"defaultAction":"{default}","architectures":["SCMP_ARCH_X86"],
                "syscalls":[{{"names":["read","openat2"],"action":"SCMP_ACT_TRAP"}}]}}"#
        )
    };
    for (default, older, newer) in [
        ("SCMP_ACT_ERRNO", EPERM, ENOSYS),
        ("SCMP_ACT_KILL", KILL, ENOSYS),
        ("SCMP_ACT_KILL_PROCESS", 0x8000_0000, ENOSYS),
        ("SCMP_ACT_LOG", 0x7ffc_0000, 0x7ffc_0000),
        ("SCMP_ACT_TRACE", 0x7ff0_0001, 0x7ff0_0001),
        ("SCMP_ACT_ALLOW", ALLOW, ALLOW),
    ] {
        let filter = compiled(&json(default)).unwrap();
        for arch in [Arch::X86_64, Arch::I386] {
            assert_eq!(answer(&filter, arch, 436, 0), older, "{default}");
            assert_eq!(answer(&filter, arch, 437, 0), 0x0003_0000, "{default}");
            assert_eq!(answer(&filter, arch, 438, 0), newer, "{default}");
            assert_eq!(answer(&filter, arch, 5000, 0), newer, "{default}");
        }
        assert_eq!(answer(&filter, Arch::X86_64, u32::MAX, 0), older, "a tracer's skipped call");
        assert_eq!(answer(&filter, Arch::X32, 0x4000_0000, 0), KILL, "not listed");
        assert_eq!(answer(&filter, Arch::Aarch64, 63, 0), KILL, "not this kernel's");
    }
}

#[test]
fn arms_private_calls_do_not_hide_newer_ones() {
    let json = r#"{"defaultAction":"SCMP_ACT_ERRNO","architectures":["SCMP_ARCH_ARM"],
        "syscalls":[{"names":["read","openat2","set_tls","breakpoint"],"action":"SCMP_ACT_ALLOW"}]}"#;
    let filter = compile(&profile(json), Arch::Aarch64).unwrap();
    for (number, expected) in [
        (3, ALLOW),
        (4, EPERM),
        (437, ALLOW),
        (438, ENOSYS),
        (0xf0001, ALLOW),
        (0xf0002, EPERM),
        (0xf0005, ALLOW),
        (0xf0008, ENOSYS),
        (u32::MAX, ENOSYS),
    ] {
        assert_eq!(answer(&filter, Arch::Arm, number, 0), expected, "{number:#x}");
    }
    assert_eq!(answer(&filter, Arch::Aarch64, 63, 0), ALLOW);
}

#[test]
fn i386_takes_sockets_directly_and_through_socketcall() {
    let json = r#"{"defaultAction":"SCMP_ACT_ERRNO","architectures":["SCMP_ARCH_X86"],
        "syscalls":[{"names":["socket"],"action":"SCMP_ACT_ALLOW",
            "args":[{"index":0,"op":"SCMP_CMP_EQ","value":2}]},
            {"names":["shmget","send"],"action":"SCMP_ACT_ALLOW"}]}"#;
    let filter = compiled(json).unwrap();
    for (number, first, expected) in [
        (359, 2, ALLOW),
        (359, 3, EPERM),
        (102, 1, ALLOW),
        (102, 2, EPERM),
        (102, 9, ALLOW),
        (117, 23, ALLOW),
        (117, 22, EPERM),
        (395, 0, ALLOW),
    ] {
        assert_eq!(answer(&filter, Arch::I386, number, first), expected, "{number} {first}");
    }
    assert_eq!(answer(&filter, Arch::X86_64, 41, 2), ALLOW);
}

#[test]
fn a_rule_without_conditions_beats_those_with() {
    let conditional = r#"{"names":["read"],"action":"SCMP_ACT_TRAP",
        "args":[{"index":0,"op":"SCMP_CMP_EQ","value":0}]}"#;
    let plain = r#"{"names":["read"],"action":"SCMP_ACT_ALLOW"}"#;
    let later = r#"{"names":["read"],"action":"SCMP_ACT_LOG"}"#;
    for rules in [[conditional, plain, later], [plain, conditional, later]] {
        let rules = rules.join(",");
        let json = format!(r#"{{"defaultAction":"SCMP_ACT_KILL","syscalls":[{rules}]}}"#);
        assert_eq!(answer(&compiled(&json).unwrap(), Arch::X86_64, 0, 0), ALLOW);
    }
}

// The whole against others.

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
        let slot = name.and_then(super::syscalls::find).and_then(|call| call.slot(arch));
        let number = match (name, slot) {
            (None, _) => off,
            (_, None) => 100 + off,
            (_, Some(slot)) => (super::syscalls::number(arch, slot) + off).saturating_sub(1),
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
    let names: Vec<&str> = self::profile(DOCKER).syscalls[0].names.iter().map(leak).collect();
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

// What it costs.

#[test]
fn dockers_filter_is_short_and_shallow() {
    let filter = compile(&profile(DOCKER), Arch::X86_64).unwrap();
    assert!(filter.program.len() < 300, "{}", filter.program.len());
    assert_eq!(filter.warnings, [""; 0]);
    for (arch, base, most) in [(Arch::X86_64, 0, 14), (Arch::I386, 0, 15), (Arch::X32, 1 << 30, 17)]
    {
        let steps = |n: u32, value: u64| run(&filter.program, &call(arch, n + base, [value; 6])).1;
        // Only those without conditions.
        let plain = (0..600)
            .filter(|n| steps(*n, 0) == steps(*n, 39) && steps(*n, 0) == steps(*n, u64::MAX));
        let worst = plain.map(|n| steps(n, 0)).max();
        assert!(worst.unwrap() <= most, "{arch:?}: {worst:?}");
    }
}

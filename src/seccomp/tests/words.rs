//! What the words of a profile mean, and what is wrong.

use super::{KILL, answer, compiled, profile};
use crate::seccomp::{Arch, Listener, MOST_INSTRUCTIONS, compile};
use crate::spec::{Arg, Syscall};

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
            "syscalls[1].names[1]: SCMP_ACT_NOTIFY cannot be used for the write syscall: \
             init needs it",
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
        (r#","flags":["SECCOMP_FILTER_FLAG_LOG","SECCOMP_FILTER_FLAG_TSYNC"]"#, "", 2),
        (r#","flags":["SECCOMP_FILTER_FLAG_SPEC_ALLOW"]"#, "", 4),
        (r#","flags":["SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"]"#, "", 0),
        ("", NOTIFY, 4 + 8),
        (r#","flags":["SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"]"#, NOTIFY, 32 + 8),
        (r#","flags":["SECCOMP_FILTER_FLAG_TSYNC"]"#, NOTIFY, 8),
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

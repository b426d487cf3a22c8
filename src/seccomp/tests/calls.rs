//! What a call meets, and after how many instructions.

use super::{ALLOW, DOCKER, ENOSYS, EPERM, KILL, answer, call, compiled, profile};
use crate::seccomp::interpret::run;
use crate::seccomp::{Arch, compile};

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
        "syscalls":[{"names":["read","openat2","set_tls","breakpoint"],
            "action":"SCMP_ACT_ALLOW"}]}"#;
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

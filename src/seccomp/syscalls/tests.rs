use libseccomp::{ScmpArch, ScmpSyscall};

use super::{Arch, TABLE, find, number};

const ARCHES: [(Arch, ScmpArch); 6] = [
    (Arch::X86_64, ScmpArch::X8664),
    (Arch::I386, ScmpArch::X86),
    (Arch::X32, ScmpArch::X32),
    (Arch::Aarch64, ScmpArch::Aarch64),
    (Arch::Arm, ScmpArch::Arm),
    (Arch::Riscv64, ScmpArch::Riscv64),
];

#[test]
fn every_name_is_found_and_no_other() {
    for (name, numbers) in TABLE {
        let call = find(name).unwrap();
        for ((arch, _), expected) in ARCHES.iter().zip(numbers) {
            let x32 = if *arch == Arch::X32 { super::X32_BIT } else { 0 };
            let expected = (*expected != super::NO).then(|| *expected + x32);
            assert_eq!(call.slot(*arch).map(|slot| number(*arch, slot)), expected, "{name}");
        }
    }
    for name in ["", "r", "rea", "readx", "READ", "write\0"] {
        assert_eq!(find(name), None, "{name}");
    }
}

/// The kernel may have given a number since; it never takes one away.
#[test]
fn numbers_are_those_of_libseccomp_where_it_has_one() {
    let mut compared = 0;
    for (name, _) in TABLE {
        let call = find(name).unwrap();
        for (arch, theirs) in ARCHES {
            let Ok(theirs) = ScmpSyscall::from_name_by_arch(name, theirs) else { continue };
            // A negative number stands for a call that the architecture lacks, or that comes
            // through socketcall or ipc.
            let Ok(theirs) = u32::try_from(theirs.as_raw_syscall()) else { continue };
            assert_eq!(call.slot(arch).map(|slot| number(arch, slot)), Some(theirs), "{name}");
            compared += 1;
        }
    }
    assert!(compared > 2000, "{compared}");
}

#[test]
fn multiplexed_calls_have_libseccomps_codes() {
    for (name, _) in TABLE {
        let theirs = ScmpSyscall::from_name_by_arch(name, ScmpArch::X86)
            .map_or(0, |call| call.as_raw_syscall());
        let expected = match theirs {
            -120..-100 => Some((102, -theirs - 100)),
            -224..-200 => Some((117, -theirs - 200)),
            _ => None,
        };
        let ours = find(name).unwrap().multiplexed();
        assert_eq!(ours.map(|many| (many.through, i32::from(many.code))), expected, "{name}");
    }
}

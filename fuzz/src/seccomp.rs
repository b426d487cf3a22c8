//! Profiles of system calls: the compiled program says what the profile says.

use onggi::seccomp::{Arch, Call, compile, judge, run};
use onggi::spec::Seccomp;

use crate::Random;

const ARCHES: [Arch; 6] =
    [Arch::X86_64, Arch::I386, Arch::X32, Arch::Aarch64, Arch::Arm, Arch::Riscv64];
/// Calls that each program is asked about.
const CALLS: usize = 48;
/// The judge reads every name of the profile for each call.
const MOST_NAMES: usize = 1000;

pub(crate) fn profile(input: &[u8]) {
    let Ok(profile) = serde_json::from_slice::<Seccomp<'_>>(input) else { return };
    let names: usize = profile.syscalls.iter().map(|rule| rule.names.len()).sum();
    for native in [Arch::X86_64, Arch::Aarch64] {
        let Ok(filter) = compile(&profile, native) else { continue };
        assert_eq!(compile(&profile, native).expect("compiled again"), filter);
        if filter.program.is_empty() || names > MOST_NAMES {
            continue;
        }
        // What the program compares with is where it may go wrong.
        let mut values: Vec<u64> = filter.program.iter().map(|one| u64::from(one.k)).collect();
        let args = profile.syscalls.iter().flat_map(|rule| &rule.args);
        values.extend(args.flat_map(|arg| [arg.value, arg.value_two, arg.value & arg.value_two]));
        let mut random = Random::of(input);
        for _ in 0..CALLS {
            let call = call(&values, &mut random);
            let (told, _) = run(&filter.program, &call);
            assert_eq!(told, judge(&profile, native, &call), "{native:?} {call:x?}");
        }
    }
}

/// A call around the values.
fn call(values: &[u64], random: &mut Random) -> Call {
    let near = |random: &mut Random| {
        let value = random.of_these(values);
        match random.below(8) {
            0 => value.wrapping_add(1),
            1 => value.wrapping_sub(1),
            2 => value | random.number() << 32,
            3 => random.number() >> random.below(64),
            _ => value,
        }
    };
    let number = near(random) as u32;
    let x32 = if random.below(8) == 0 { 0x4000_0000 } else { 0 };
    Call {
        number: number ^ x32,
        audit: random.of_these(&ARCHES).audit(),
        args: std::array::from_fn(|_| near(random)),
    }
}

mod calls;
mod others;
mod words;

use super::interpret::{Call, run};
use super::{Arch, Filter, compile};
use crate::error::Result;
use crate::spec::Seccomp;

const DOCKER: &str = include_str!("../testdata/docker.json");

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

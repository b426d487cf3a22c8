//! Inputs that another party writes, changed until something breaks.
//!
//! A [`Target`] takes bytes and must neither panic nor dawdle, whatever they are; most say more,
//! like that what was read is read the same again when it is written down. `hack/fuzz` runs them
//! under libFuzzer, `cargo test -p fuzz` replays what is in `seeds` and `regressions`. How and why
//! is in docs/decisions/0040-fuzzing.md.

#![forbid(unsafe_code)]

mod files;
mod images;
mod layers;
mod mutate;
mod network;
mod scratch;
mod seccomp;
mod specification;
mod talks;
mod words;

pub use mutate::{Random, Shape};
pub use scratch::clear;

/// Something that reads what another party writes.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// Its name, and that of its folders in `seeds` and `regressions`.
    pub name: &'static str,
    /// How its inputs are changed without becoming nonsense at once.
    pub shape: Shape,
    /// Tries an input; panics where a promise is broken.
    pub run: fn(&[u8]),
}

const fn target(name: &'static str, shape: Shape, run: fn(&[u8])) -> Target {
    Target { name, shape, run }
}

/// All of them: first the runtime's, then the engine's.
pub const TARGETS: &[Target] = &[
    target("config", Shape::Json, specification::config),
    target("process", Shape::Json, specification::process),
    target("resources", Shape::Json, specification::resources),
    target("mounts", Shape::Bytes, specification::mounts),
    target("id_maps", Shape::Bytes, specification::id_maps),
    target("seccomp", Shape::Json, seccomp::profile),
    target("mountinfo", Shape::Bytes, files::mountinfo),
    target("cgroup", Shape::Bytes, files::cgroup),
    target("state", Shape::Json, files::state),
    target("accounts", Shape::Bytes, files::accounts),
    target("dbus", Shape::Bytes, talks::dbus),
    target("values", Shape::Bytes, talks::values),
    target("criu", Shape::Bytes, talks::criu),
    target("descriptors", Shape::Json, talks::descriptors),
    target("init", Shape::Json, talks::init),
    target("reference", Shape::Bytes, images::reference),
    target("manifest", Shape::Json, images::manifest),
    target("image", Shape::Json, images::image),
    target("layer", Shape::Tar, layers::layer),
    target("tree", Shape::Tar, layers::tree),
    target("compressed", Shape::Bytes, layers::compressed),
    target("challenge", Shape::Bytes, network::challenge),
    target("credentials", Shape::Json, network::credentials),
    target("dns", Shape::Bytes, network::dns),
    target("netlink", Shape::Bytes, network::netlink),
    target("frames", Shape::Bytes, network::frames),
    target("template", Shape::Bytes, words::template),
    target("words", Shape::Bytes, words::words),
];

/// The target of this name.
pub fn find(name: &str) -> Option<&'static Target> {
    TARGETS.iter().find(|target| target.name == name)
}

/// The parts of an input, which stand between lines of a single `=`. Those that are not there are
/// empty.
fn parts<const N: usize>(input: &[u8]) -> [String; N] {
    let text = String::from_utf8_lossy(input);
    let mut parts = text.splitn(N, "\n=\n");
    std::array::from_fn(|_| parts.next().unwrap_or_default().to_owned())
}

//! `RUNTIME=runc cargo test -p spec-tests --test engines`: the runtime under real engines.

mod buildah;
mod containerd;
mod cri;
mod docker;
mod image;
mod kubernetes;
mod place;
mod podman;
mod shared;

fn main() -> std::process::ExitCode {
    let rooms: &[&'static [spec_tests::Test]] =
        &[containerd::TESTS, kubernetes::TESTS, docker::TESTS, podman::TESTS, buildah::TESTS];
    let code = spec_tests::suite::main(rooms, "known-failures/engines");
    for end in [containerd::end, kubernetes::end, docker::end, podman::end, buildah::end] {
        end();
    }
    code
}

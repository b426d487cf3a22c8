//! The Debian package that `hack/package` makes.

#![expect(clippy::unwrap_used, reason = "a test fails by it")]

use std::path::Path;
use std::process::Command;

fn output(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {told}");
    String::from_utf8(output.stdout).unwrap()
}

/// Not that of a release, which takes minutes.
const PROFILE: &str = "dev";

#[test]
fn the_package_holds_program_pages_and_completions() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    if Command::new("dpkg-deb").arg("--version").output().is_err() {
        println!("skipped: there is no dpkg-deb");
        return;
    }
    let packages = output(Command::new(root.join("hack/package")).arg(PROFILE));
    let package = packages.lines().find(|line| line.contains("/onggi_")).unwrap();
    let listed = output(Command::new("dpkg-deb").arg("--contents").arg(root.join(package)));
    let files: Vec<&str> = listed.lines().filter_map(|line| line.split(" ./").nth(1)).collect();
    let pages = root.join("man").read_dir().unwrap().map(|entry| entry.unwrap().file_name());
    let pages = pages.filter_map(|name| {
        let name = name.into_string().unwrap();
        let page = name.starts_with("onggi") && name.ends_with(".8");
        page.then(|| format!("usr/share/man/man8/{name}.gz"))
    });
    let others = [
        "usr/bin/onggi",
        "usr/share/bash-completion/completions/onggi",
        "usr/share/zsh/vendor-completions/_onggi",
        "usr/share/fish/vendor_completions.d/onggi.fish",
        "usr/share/doc/onggi/copyright",
    ];
    for file in pages.chain(others.map(str::to_owned)) {
        assert!(files.contains(&file.as_str()), "{file} is not in {package}");
    }
    assert!(listed.lines().all(|line| line.contains(" root/root ")), "{listed}");
}

//! The Debian packages that `hack/package` makes.

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
fn the_packages_hold_programs_pages_and_completions() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    if Command::new("dpkg-deb").arg("--version").output().is_err() {
        println!("skipped: there is no dpkg-deb");
        return;
    }
    let packages = output(Command::new(root.join("hack/package")).arg(PROFILE));
    for (program, section) in [("onggi", "8"), ("dok", "1")] {
        let package = packages.lines().find(|line| line.contains(&format!("/{program}_"))).unwrap();
        holds(root, &root.join(package), program, section);
    }
}

/// The package holds the program, its pages of this section and its completions.
fn holds(root: &Path, package: &Path, program: &str, section: &str) {
    let listed = output(Command::new("dpkg-deb").arg("--contents").arg(package));
    let files: Vec<&str> = listed.lines().filter_map(|line| line.split(" ./").nth(1)).collect();
    let pages = root.join("man").read_dir().unwrap().map(|entry| entry.unwrap().file_name());
    let pages = pages.filter_map(|name| {
        let name = name.into_string().unwrap();
        let page = name.starts_with(program) && name.ends_with(&format!(".{section}"));
        page.then(|| format!("usr/share/man/man{section}/{name}.gz"))
    });
    let others = [
        format!("usr/bin/{program}"),
        format!("usr/share/bash-completion/completions/{program}"),
        format!("usr/share/zsh/vendor-completions/_{program}"),
        format!("usr/share/fish/vendor_completions.d/{program}.fish"),
        format!("usr/share/doc/{program}/copyright"),
    ];
    for file in pages.chain(others) {
        assert!(files.contains(&file.as_str()), "{file} is not in {}", package.display());
    }
    assert!(listed.lines().all(|line| line.contains(" root/root ")), "{listed}");
}

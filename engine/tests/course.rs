//! A beginner's course in containers, with `dok` for `docker`: `course.sh` beside this file, in
//! namespaces of its own.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

#[test]
fn the_course_works_with_dok() {
    let dok = Path::new(env!("CARGO_BIN_EXE_dok"));
    let onggi =
        std::env::var_os("ONGGI").map_or_else(|| dok.with_file_name("onggi"), PathBuf::from);
    if !rustix::process::geteuid().is_root() || !onggi.exists() {
        eprintln!("skipped: needs root, and onggi at {}", onggi.display());
        return;
    }
    let folder = std::env::temp_dir().join(format!("dok-course-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (script, nginx) = (here.join("tests/course.sh"), here.join("../target/debian"));
    let output = Command::new("timeout")
        .args(["1800", "unshare", "--net", "--mount", "sh"])
        .args([&script, dok, &onggi, &nginx])
        .current_dir(&folder)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    fs::remove_dir_all(&folder).unwrap();
    let (out, err) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    match output.status.code() {
        Some(77) => eprint!("{err}"),
        code => assert_eq!(code, Some(0), "{out}{err}"),
    }
}

//! Pull and push against a real registry (Debian's `docker-registry`), over connections that are
//! cut, held up or killed.

#![expect(clippy::unwrap_used, reason = "a test fails by it")]

use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU8, AtomicU32, Ordering};
use std::time::Duration;

mod patience;
use patience::{PATIENCE, until};

/// A folder of the test's own; what runs in it ends with it.
struct Place {
    folder: PathBuf,
    running: Vec<Child>,
}

impl Place {
    fn new() -> Place {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let folder =
            std::env::temp_dir().join(format!("dok-registry-{}-{number}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        let place = Place { folder, running: Vec::new() };
        place.wait_for_registries(PATIENCE.as_secs());
        place
    }

    /// How long dok is to wait for a registry that says nothing, in seconds.
    fn wait_for_registries(&self, seconds: u64) {
        let settings = format!(r#"{{"registry-timeout":{seconds}}}"#);
        fs::write(self.folder.join("dok.json"), settings).unwrap();
    }

    fn dok(&self, line: &[&str]) -> Output {
        let dok = self.command("root", line);
        let mut command = Command::new("timeout");
        command.arg((2 * PATIENCE.as_secs()).to_string()).arg(dok.get_program());
        command.args(dok.get_args()).stdin(Stdio::null()).output().unwrap()
    }

    fn command(&self, root: &str, line: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_dok"));
        for (flag, name) in [
            ("--root", root),
            ("--run-root", "run"),
            ("--config", "client"),
            ("--config-file", "dok.json"),
        ] {
            command.arg(flag).arg(self.folder.join(name));
        }
        command.args(line).stdin(Stdio::null());
        command
    }

    /// What a command prints, which must succeed.
    fn says(&self, line: &[&str]) -> String {
        let output = self.dok(line);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{line:?}: {stderr}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// How a command complains, which must fail.
    fn complains(&self, line: &[&str]) -> String {
        let output = self.dok(line);
        assert_eq!(output.status.code(), Some(1), "{line:?}");
        String::from_utf8(output.stderr).unwrap()
    }

    /// A registry on loopback; nothing, where there is none on this machine.
    fn registry(&mut self, more: &str) -> Option<SocketAddr> {
        let address = free_address();
        let storage = self.folder.join("storage");
        let text = format!(
            "version: 0.1\nlog: {{level: error}}\nstorage: {{filesystem: {{rootdirectory: {}}}}}\n\
             http:\n  addr: {address}\n{more}",
            storage.display()
        );
        fs::write(self.folder.join("registry.yml"), text).unwrap();
        let mut command = Command::new("docker-registry");
        command.arg("serve").arg(self.folder.join("registry.yml"));
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let Ok(child) = command.spawn() else {
            eprintln!("skipped: there is no docker-registry on this machine");
            return None;
        };
        self.running.push(child);
        let registry = self.running.last_mut().unwrap();
        until("the registry comes up", || {
            assert!(registry.try_wait().unwrap().is_none(), "the registry has ended");
            TcpStream::connect(address).ok()
        });
        Some(address)
    }

    /// Puts an image into a registry; its name.
    fn push(&self, registry: &std::net::SocketAddr) -> String {
        self.import("base");
        let name = format!("{registry}/bb:1");
        self.says(&["tag", "base", &name]);
        self.says(&["push", &name]);
        name
    }

    /// An image of two files, one of which cannot be compressed.
    fn import(&self, name: &str) -> String {
        let mut random = vec![0; 2 << 20];
        fs::File::open("/dev/urandom").unwrap().read_exact(&mut random).unwrap();
        let mut archive = tar::Builder::new(Vec::new());
        for (name, content) in [("etc/motd", b"hi".as_slice()), ("noise", &random)] {
            let mut header = tar::Header::new_ustar();
            header.set_size(content.len() as u64);
            header.set_mode(0o644);
            archive.append_data(&mut header, name, content).unwrap();
        }
        let path = self.folder.join("import.tar");
        fs::write(&path, archive.into_inner().unwrap()).unwrap();
        self.says(&["import", path.to_str().unwrap(), name]).trim().to_owned()
    }

    fn bytes(&self, root: &str) -> u64 {
        fn walk(path: &Path) -> u64 {
            let facts = path.symlink_metadata().unwrap();
            match facts.is_dir() {
                true => fs::read_dir(path).unwrap().map(|e| walk(&e.unwrap().path())).sum(),
                false => facts.len(),
            }
        }
        ["blobs", "layers", "staging"].iter().map(|n| walk(&self.folder.join(root).join(n))).sum()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        for child in &mut self.running {
            let _ = child.kill();
            let _ = child.wait();
        }
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// Of an address that is this test's alone: who connects to somebody gets a port of 127.0.0.1.
fn free_address() -> SocketAddr {
    static NUMBER: AtomicU8 = AtomicU8::new(1);
    let [.., high, low] = std::process::id().to_be_bytes();
    let own = Ipv4Addr::new(127, high.max(1), low, NUMBER.fetch_add(1, Ordering::Relaxed));
    TcpListener::bind((own, 0)).unwrap().local_addr().unwrap()
}

/// What lies between us and the registry.
#[derive(Clone, Copy)]
enum Way {
    /// Every connection is cut after so many bytes of the answer.
    Cut(usize),
    /// So many bytes at once, and a pause after each.
    Slow(usize),
    /// Nothing ever comes back.
    Dead,
}

fn between(registry: SocketAddr, way: Way) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for client in listener.incoming().flatten() {
            std::thread::spawn(move || {
                if matches!(way, Way::Dead) {
                    // It ends with the test.
                    return std::mem::forget(client);
                }
                let server = TcpStream::connect(registry).unwrap();
                let (mut from, mut to) = (client.try_clone().unwrap(), server.try_clone().unwrap());
                std::thread::spawn(move || {
                    let _ = std::io::copy(&mut from, &mut to);
                });
                let _ = forward(server, client, way);
            });
        }
    });
    address
}

fn forward(mut server: TcpStream, mut client: TcpStream, way: Way) -> std::io::Result<()> {
    let (mut passed, mut piece) = (0, vec![0; 1 << 14]);
    loop {
        let most = if let Way::Slow(most) = way { most } else { piece.len() };
        let n = server.read(&mut piece[..most])?;
        if n == 0 || matches!(way, Way::Cut(limit) if passed + n > limit) {
            return client.shutdown(Shutdown::Both);
        }
        passed += n;
        client.write_all(&piece[..n])?;
        if matches!(way, Way::Slow(_)) {
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}

#[test]
fn what_is_pushed_is_pulled_the_same_and_told_as_docker_tells_it() {
    let mut place = Place::new();
    let Some(registry) = place.registry("") else { return };
    let id = place.import("base");
    let name = format!("{registry}/bb:1");
    place.says(&["tag", "base", &name]);
    let pushed = place.says(&["push", &name]);
    let lines: Vec<&str> = pushed.lines().collect();
    assert_eq!(lines[0], format!("The push refers to repository [{registry}/bb]"));
    assert!(lines[1].ends_with(": Preparing") && lines[2].ends_with(": Pushed"), "{pushed}");
    let digest = lines[3].split_whitespace().nth(2).unwrap().to_owned();
    assert_eq!(lines.len(), 4);
    assert!(place.says(&["push", &name]).contains(": Layer already exists"));
    assert_eq!(
        place.says(&["rmi", &name]),
        format!("Untagged: {name}\nUntagged: {registry}/bb@{digest}\n")
    );
    let end = |status| {
        format!("1: Pulling from bb\nDigest: {digest}\nStatus: {status} for {name}\n{name}\n")
    };
    assert_eq!(place.says(&["pull", &name]), end("Downloaded newer image"));
    assert_eq!(place.says(&["pull", &name]), end("Image is up to date"));
    assert_eq!(
        place.complains(&["pull", "-q", &format!("{registry}/bb:nope")]),
        format!(
            "Error response from daemon: manifest for {registry}/bb:nope not found: \
             manifest unknown: manifest unknown\n"
        )
    );
    place.says(&["rmi", "-f", &id]);
    assert_eq!(place.bytes("root"), 0);
    let pulled = place.says(&["pull", &format!("{registry}/bb@{digest}")]);
    assert!(pulled.contains(": Pull complete\n"), "{pulled}");
    let again = format!("{registry}/other:2");
    place.says(&["tag", &id, &again]);
    let pushed = place.says(&["push", &again]);
    assert!(pushed.contains(&digest), "the same manifest: {pushed}");
    assert!(pushed.contains(": Mounted from bb\n"), "{pushed}");
}

#[test]
fn a_missing_image_is_fetched_when_a_container_is_made_of_it() {
    let mut place = Place::new();
    let Some(registry) = place.registry("") else { return };
    let name = place.push(&registry);
    let create = |more: &[&str], name: &str| {
        let line = [&["create"], more, &[name, "true"]].concat();
        let output = place.command("other", &line).output().unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap(), output.stdout)
    };
    let (code, words, _) = create(&["--pull=never"], &name);
    assert_eq!(code, Some(1), "{words}");
    assert!(words.contains(&format!("No such image: {name}")), "{words}");
    let (code, words, said) = create(&[], &name);
    assert_eq!((code, said.len()), (Some(0), 65), "{words}");
    let first = format!("Unable to find image '{name}' locally\n1: Pulling from bb\n");
    assert!(words.starts_with(&first), "{words}");
    let last = format!("Status: Downloaded newer image for {name}\n");
    assert!(words.ends_with(&last), "{words}");
    assert_eq!(create(&[], &name).1, "", "it is there now");
    let (_, words, _) = create(&["--pull=always"], &name);
    assert!(words.contains("Status: Image is up to date"), "{words}");
    assert_eq!(create(&["--pull=always", "-q"], &name).1, "");
    let (code, words, _) = create(&["--pull=never", "--platform=linux/s390x"], &name);
    assert_eq!(code, Some(1), "{words}");
    assert!(words.contains("does not match the specified platform (linux/s390x)"), "{words}");
}

#[test]
fn other_programs_read_what_we_write_and_write_what_we_read() {
    let mut place = Place::new();
    let Some(registry) = place.registry("") else { return };
    if Command::new("skopeo").arg("--version").output().is_err() {
        eprintln!("skipped: there is no skopeo on this machine");
        return;
    }
    let skopeo = |line: &[&str]| {
        let output = Command::new("skopeo").arg("--insecure-policy").args(line).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    };
    let id = place.import("base:1");
    let name = format!("{registry}/x:1");
    place.says(&["tag", "base:1", &name]);
    place.says(&["push", &name]);
    let file = |name: &str| place.folder.join(name).to_str().unwrap().to_owned();
    let source = format!("docker://{name}");
    skopeo(&[
        "copy",
        "--src-tls-verify=false",
        &source,
        &format!("docker-archive:{}:s:1", file("d.tar")),
    ]);
    skopeo(&[
        "copy",
        "--src-tls-verify=false",
        &source,
        &format!("oci-archive:{}:s", file("o.tar")),
    ]);
    place.says(&["save", "-o", &file("own.tar"), "base:1"]);
    skopeo(&[
        "copy",
        &format!("docker-archive:{}", file("own.tar")),
        &format!("oci:{}", file("out")),
    ]);
    for (archive, said) in [
        ("d.tar", "Loaded image: s:1\n".to_owned()),
        ("o.tar", format!("Loaded image ID: {id}\n")),
        ("own.tar", "Loaded image: base:1\n".to_owned()),
    ] {
        place.says(&["rmi", "-f", &id]);
        assert_eq!(place.says(&["load", "-i", &file(archive)]), said, "{archive}");
        assert_eq!(place.says(&["images", "-q", "--no-trunc"]).trim(), id, "{archive}");
    }
    assert_eq!(place.says(&["system", "check"]), "0 problems, 0B left over\n");
}

#[test]
fn a_registry_that_asks_for_a_password_gets_it() {
    let mut place = Place::new();
    let users = place.folder.join("users");
    // The name u, the password secret, by bcrypt at its least cost: a busy machine is in time.
    fs::write(&users, "u:$2b$04$.Wa.LNDqscNvwpDh5Edi3u8X4sZdY8G2iaGtxhFsxGjl8YiW8H3/e\n").unwrap();
    let more = format!("auth: {{htpasswd: {{realm: here, path: {}}}}}\n", users.display());
    let Some(registry) = place.registry(&more) else { return };
    let host = registry.to_string();
    place.import("base");
    let name = format!("{host}/p/bb:1");
    place.says(&["tag", "base", &name]);
    assert!(place.complains(&["push", &name]).contains("authentication required"));
    assert!(place.complains(&["pull", &name]).contains("may require 'docker login'"));
    assert!(place.dok(&["login", "-u", "u", "-p", "wrong", &host]).status.code() == Some(1));
    assert!(!place.folder.join("client/config.json").exists());
    assert_eq!(place.says(&["login", "-u", "u", "-p", "secret", &host]), "Login Succeeded\n");
    let config = fs::read_to_string(place.folder.join("client/config.json")).unwrap();
    assert_eq!(
        config,
        format!(
            "{{\n\t\"auths\": {{\n\t\t\"{host}\": {{\n\t\t\t\"auth\": \"dTpzZWNyZXQ=\"\n\t\t}}\n\t}}\n}}"
        )
    );
    place.says(&["push", &name]);
    place.says(&["pull", &name]);
    let again = place.dok(&["login", &host]);
    let (out, err) = (String::from_utf8(again.stdout), String::from_utf8(again.stderr));
    let existing = "Authenticating with existing credentials... [Username: u]\n";
    assert_eq!(out.unwrap(), "Login Succeeded\n");
    assert!(err.unwrap().starts_with(existing));
    let out = place.says(&["logout", &host]);
    assert_eq!(out, format!("Removing login credentials for {host}\n"));
    place.complains(&["pull", &name]);
    let config = place.folder.join("client/config.json");
    let by_hand = |password: &str| {
        let entry = format!(r#"{{"username":"u","password":"{password}"}}"#);
        fs::write(&config, format!(r#"{{"auths":{{"{host}":{entry}}}}}"#)).unwrap();
    };
    by_hand("secret");
    place.says(&["pull", &name]);
    by_hand("wrong");
    let words = place.complains(&["login", &host]);
    assert!(words.contains("Login did not succeed, error: "), "{words}");
    assert!(words.contains("interactive login from a non TTY device"), "{words}");
}

#[test]
fn who_cannot_find_out_who_he_is_is_nobody_and_goes_on() {
    let mut place = Place::new();
    let Some(registry) = place.registry("") else { return };
    let name = place.push(&registry);
    let client = place.folder.join("client");
    fs::create_dir_all(&client).unwrap();
    let file = client.join("config.json");
    let missing =
        format!("WARNING: no credentials for {registry}: run docker-credential-none-such");
    let broken = format!("WARNING: Error parsing config file ({}): ", file.display());
    let wrong_auth = format!(r#"{{"auths":{{"{registry}":{{"auth":"?"}}}}}}"#);
    for (config, warning) in
        [(r#"{"credsStore":"none-such"}"#, &missing), ("no JSON", &broken), (&wrong_auth, &broken)]
    {
        fs::write(&file, config).unwrap();
        let repository = format!("{registry}/bb");
        for line in [&["pull", "-q", &name][..], &["push", &name], &["pull", "-a", &repository]] {
            let output = place.dok(line);
            let words = String::from_utf8(output.stderr).unwrap();
            assert!(output.status.success(), "{line:?}: {words}");
            assert!(words.starts_with(warning.as_str()), "{line:?}: {words}");
            assert_eq!(words.lines().count(), 1, "{line:?}: {words}");
        }
        assert_eq!(fs::read_to_string(&file).unwrap(), config);
    }
}

#[test]
fn a_connection_that_is_cut_is_carried_on_with() {
    let mut place = Place::new();
    let Some(registry) = place.registry("") else { return };
    let id = place.import("base");
    place.says(&["tag", "base", &format!("{registry}/bb:1")]);
    place.says(&["push", &format!("{registry}/bb:1")]);
    place.says(&["rmi", "-f", &id]);
    let cut = between(registry, Way::Cut(300_000));
    place.says(&["pull", &format!("{cut}/bb:1")]);
    assert_eq!(place.says(&["images", "-q", "--no-trunc"]).trim(), id);
}

#[test]
fn all_tags_go_and_come_and_are_told_of_once() {
    let mut place = Place::new();
    let Some(registry) = place.registry("") else { return };
    let repository = format!("{registry}/bb");
    let head = format!("The push refers to repository [{repository}]\n");
    let output = place.dok(&["push", &format!("{repository}:1")]);
    assert_eq!(String::from_utf8(output.stdout).unwrap(), head);
    for tag in ["1", "2"] {
        place.import("base");
        place.says(&["tag", "base", &format!("{repository}:{tag}")]);
    }
    let missing = format!("{repository}:nothere");
    let output = place.dok(&["push", &missing]);
    assert_eq!(String::from_utf8(output.stdout).unwrap(), head);
    let words = String::from_utf8(output.stderr).unwrap();
    assert!(words.ends_with(&format!("tag does not exist: {missing}\n")), "{words}");
    let pushed = place.says(&["push", "-a", &repository]);
    assert!(pushed.starts_with(&head) && pushed.matches("The push").count() == 1, "{pushed}");
    assert!(pushed.contains("\n1: digest: ") && pushed.contains("\n2: digest: "), "{pushed}");
    assert_eq!(place.says(&["push", "-aq", &repository]), format!("{repository}\n"));
    let end = |status: &str| format!("\nStatus: {status} for {repository}\n{repository}\n");
    let pulled = place.says(&["pull", "-a", &repository]);
    assert!(pulled.ends_with(&end("Image is up to date")), "{pulled}");
    place.says(&["rmi", &format!("{repository}:2")]);
    let pulled = place.says(&["pull", "-a", &repository]);
    assert!(pulled.ends_with(&end("Downloaded newer image")), "{pulled}");
    assert_eq!(pulled.matches("Status:").count(), 1, "{pulled}");
    assert_eq!(pulled.matches("Pulling from bb\n").count(), 2, "{pulled}");
}

#[test]
fn by_its_digest_an_image_is_told_with_it() {
    let mut place = Place::new();
    let Some(registry) = place.registry("") else { return };
    place.import("base");
    let name = format!("{registry}/bb:1");
    place.says(&["tag", "base", &name]);
    let pushed = place.says(&["push", &name]);
    let digest = pushed.lines().last().unwrap().split_whitespace().nth(2).unwrap();
    let whole = format!("{registry}/bb@{digest}");
    for typed in [whole.clone(), format!("{name}@{digest}")] {
        let status = format!("Status: Image is up to date for {whole}");
        let expected = format!("{whole}: Pulling from bb\nDigest: {digest}\n{status}\n{typed}\n");
        assert_eq!(place.says(&["pull", &typed]), expected);
    }
}

#[test]
fn a_registry_that_is_not_there_is_told_as_docker_tells_it() {
    let place = Place::new();
    let nobody = free_address();
    let words = format!(
        "Error response from daemon: Get \"http://{nobody}/v2/\": dial tcp {nobody}: connect: \
         connection refused\n"
    );
    assert_eq!(place.complains(&["pull", &format!("{nobody}/x:1")]), words);
    let found = place.complains(&["search", &format!("{nobody}/x")]);
    let end = format!("dial tcp {nobody}: connect: connection refused\n");
    assert!(found.starts_with("Error response from daemon: Get ") && found.ends_with(&end));
    assert_eq!(
        place.complains(&["login", "-u", "u", "-p", "p", &nobody.to_string()]),
        format!(
            "WARNING! Using --password via the CLI is insecure. Use --password-stdin.\n{words}"
        )
    );
}

#[test]
fn a_registry_that_says_nothing_is_given_up() {
    let mut place = Place::new();
    let Some(registry) = place.registry("") else { return };
    let dead = between(registry, Way::Dead);
    place.wait_for_registries(1);
    let words = place.complains(&["pull", &format!("{dead}/bb:1")]);
    assert!(words.contains("timeout"), "{words}");
}

#[test]
fn what_a_registry_damages_is_refused_and_leaves_nothing() {
    let mut place = Place::new();
    let Some(registry) = place.registry("") else { return };
    let id = place.import("base");
    let name = format!("{registry}/bb:1");
    place.says(&["tag", "base", &name]);
    place.says(&["push", &name]);
    place.says(&["rmi", "-f", &id]);
    let blobs = place.folder.join("storage/docker/registry/v2/blobs/sha256");
    for first in fs::read_dir(&blobs).unwrap() {
        for blob in fs::read_dir(first.unwrap().path()).unwrap() {
            let data = blob.unwrap().path().join("data");
            let whole = fs::read(&data).unwrap();
            let mut broken = whole.clone();
            broken[whole.len() / 2] ^= 1;
            fs::write(&data, &broken).unwrap();
            let output = place.dok(&["pull", &name]);
            assert_eq!(output.status.code(), Some(1), "{}", data.display());
            assert_eq!(place.bytes("root"), 0, "{}", data.display());
            assert_eq!(place.says(&["images", "-q"]), "");
            fs::write(&data, &whole).unwrap();
        }
    }
    place.says(&["pull", &name]);
}

/// A pull that is killed at many moments: nothing that is there is wrong, the next pull succeeds,
/// and nothing is left over.
#[test]
fn a_pull_that_is_killed_leaves_nothing_wrong() {
    let mut place = Place::new();
    let Some(registry) = place.registry("") else { return };
    let id = place.import("base");
    place.says(&["tag", "base", &format!("{registry}/bb:1")]);
    place.says(&["push", &format!("{registry}/bb:1")]);
    place.says(&["rmi", "-f", &id]);
    let name = format!("{}/bb:1", between(registry, Way::Slow(8 << 10)));
    let kept = place.says(&["import", "/dev/null", "kept"]);
    let before = place.bytes("root");
    for n in 0..15 {
        let mut child = place.command("root", &["pull", "-q", &name]).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(30 + n * 60));
        child.kill().unwrap();
        child.wait().unwrap();
        let checked = place.says(&["images", "-q", "--no-trunc"]);
        assert!(checked.contains(kept.trim()), "{checked}");
        let checked = place.dok(&["system", "check"]);
        let text = String::from_utf8(checked.stdout).unwrap();
        assert!(text.starts_with("0 problems"), "{text}");
    }
    place.says(&["system", "check", "--repair"]);
    place.says(&["pull", &name]);
    place.says(&["rmi", &name]);
    assert_eq!(place.bytes("root"), before);
}

/// A load that is killed at each of its changes to the store, as far as strace can stop it there.
#[test]
fn a_load_that_is_killed_leaves_nothing_wrong() {
    let place = Place::new();
    let id = place.import("base");
    let archive = place.folder.join("s.tar").to_str().unwrap().to_owned();
    place.says(&["save", "-o", &archive, "base"]);
    let fresh = place.bytes("root");
    let calls = "rename,renameat,renameat2,fsync,syncfs,mkdir,mkdirat,unlink,unlinkat,linkat,rmdir";
    for n in (1..200).step_by(2) {
        place.says(&["rmi", "-f", &id]);
        assert_eq!(place.bytes("root"), 0, "after the kill at {n}");
        let dok = place.command("root", &["load", "-q", "-i", &archive]);
        let mut traced = Command::new("strace");
        traced.args(["-f", "-qq", "-o", "/dev/null", "-e", &format!("trace={calls}")]);
        traced.args(["-e", &format!("inject={calls}:signal=KILL:when={n}")]);
        let Ok(output) = traced.arg(dok.get_program()).args(dok.get_args()).output() else {
            eprintln!("skipped: there is no strace on this machine");
            return;
        };
        if output.status.success() {
            assert!(n > 10, "strace stops it at {n}");
            break;
        }
        let checked = place.dok(&["system", "check"]);
        let text = String::from_utf8(checked.stdout).unwrap();
        assert!(text.starts_with("0 problems") || text.contains("name "), "at {n}: {text}");
        place.says(&["system", "check", "--repair"]);
        assert_eq!(place.says(&["system", "check"]), "0 problems, 0B left over\n", "at {n}");
        place.says(&["load", "-q", "-i", &archive]);
        assert_eq!(place.bytes("root"), fresh, "at {n}");
    }
}

/// The store is on a file system of one megabyte, in a mount namespace of the test's own.
#[test]
fn a_full_disk_is_told_and_leaves_nothing() {
    let place = Place::new();
    place.import("base");
    let root = place.folder.join("small");
    fs::create_dir(&root).unwrap();
    let archive = place.folder.join("import.tar");
    let dok = place.command("small", &[]);
    let dok: Vec<&str> = std::iter::once(dok.get_program())
        .chain(dok.get_args())
        .map(|word| word.to_str().unwrap())
        .collect();
    let script = format!(
        "mount -t tmpfs -o size=1m small {root} || exit 77; {dok} import {archive} big; echo $?; \
         find {root}/staging {root}/blobs {root}/layers -type f; {dok} images -q; {dok} system check",
        root = root.display(),
        dok = dok.join(" "),
        archive = archive.display(),
    );
    let output = Command::new("unshare").args(["-m", "sh", "-c", &script]).output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    if output.status.code() == Some(77) || stderr.contains("unshare failed") {
        eprintln!("skipped: no file system can be mounted here: {stderr}");
        return;
    }
    assert!(stderr.contains("No space left on device"), "{stderr}");
    let said = String::from_utf8(output.stdout).unwrap();
    assert_eq!(said, "1\n0 problems, 0B left over\n");
}

//! Whom dok believes to be a registry, and to whom it shows who we are: Debian's `docker-registry`
//! with certificates of the test's own, on an address that is not this machine's loopback, and small
//! servers that send us elsewhere or stop in the middle.

#![expect(clippy::unwrap_used, reason = "a test fails by it")]

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

mod patience;
use patience::{PATIENCE, until};

use nix::sched::{CloneFlags, unshare};

/// Of documentation: no registry is there, and it is no loopback address.
const HOST: &str = "192.0.2.1:5000";

struct Place {
    folder: PathBuf,
    running: Option<Child>,
}

impl Place {
    fn new() -> Place {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let folder =
            std::env::temp_dir().join(format!("dok-trust-{}-{number}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(folder.join("client/certs.d").join(HOST)).unwrap();
        let place = Place { folder, running: None };
        place.settings(&format!(r#""registry-timeout": {}"#, PATIENCE.as_secs()));
        place
    }

    /// A place of its own with the address of the registry; `None`, with a word, where this cannot be.
    fn with_address() -> Option<Place> {
        for program in ["docker-registry", "openssl", "ip"] {
            let there = Command::new(program).arg("--version").stderr(Stdio::null()).output();
            if there.is_err() {
                eprintln!("skipped: there is no {program} on this machine");
                return None;
            }
        }
        if let Err(error) = unshare(CloneFlags::CLONE_NEWNET) {
            eprintln!("skipped: needs a network namespace of its own: {error}");
            return None;
        }
        for words in
            [&["link", "set", "lo", "up"][..], &["addr", "add", "192.0.2.1/32", "dev", "lo"]]
        {
            assert!(Command::new("ip").args(words).status().unwrap().success());
        }
        let place = Place::new();
        place.authority("ca");
        place.authority("other");
        for (name, about) in [
            ("server", "subjectAltName=IP:192.0.2.1"),
            ("client", "basicConstraints=CA:FALSE"),
            // Without an extension it is of the first version, which nobody takes any more.
            ("old", ""),
        ] {
            place.certificate(name, about);
        }
        Some(place)
    }

    fn settings(&self, more: &str) {
        fs::write(self.folder.join("dok.json"), format!("{{{more}}}")).unwrap();
    }

    fn openssl(&self, line: &str) {
        let mut command = Command::new("openssl");
        command.args(line.split(' ')).current_dir(&self.folder).stdin(Stdio::null());
        let output = command.output().unwrap();
        assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
    }

    fn authority(&self, name: &str) {
        self.openssl(&format!(
            "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN={name} \
             -keyout {name}.key -out {name}.crt"
        ));
    }

    fn certificate(&self, name: &str, about: &str) {
        fs::write(self.folder.join("about"), format!("{about}\n")).unwrap();
        self.openssl(&format!(
            "req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN={name} \
             -keyout {name}.key -out {name}.csr"
        ));
        self.openssl(&format!(
            "x509 -req -in {name}.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 2 \
             -extfile about -out {name}.cert"
        ));
    }

    fn serve(&mut self, clients: &str) {
        self.stop();
        let folder = self.folder.display();
        let text = format!(
            "version: 0.1\nlog: {{level: error}}\nstorage: {{filesystem: {{rootdirectory: \
             {folder}/storage}}}}\nhttp:\n  addr: {HOST}\n  tls:\n    certificate: \
             {folder}/server.cert\n    key: {folder}/server.key\n{clients}"
        );
        fs::write(self.folder.join("registry.yml"), text).unwrap();
        let mut command = Command::new("docker-registry");
        command.arg("serve").arg(self.folder.join("registry.yml"));
        self.running = Some(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
        until("the registry comes up", || TcpStream::connect(HOST).ok());
    }

    fn stop(&mut self) {
        if let Some(mut child) = self.running.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Gives a file of the test's authority to the client, under another name; or takes it away.
    fn trust(&self, file: Option<&str>, name: &str) {
        let place = self.folder.join("client/certs.d").join(HOST).join(name);
        match file {
            Some(file) => drop(fs::copy(self.folder.join(file), place).unwrap()),
            None => fs::remove_file(place).unwrap(),
        }
    }

    fn dok(&self, line: &[&str]) -> Output {
        let mut command = Command::new("timeout");
        command.arg((2 * PATIENCE.as_secs()).to_string()).arg(env!("CARGO_BIN_EXE_dok"));
        for (flag, name) in [
            ("--root", "root"),
            ("--run-root", "run"),
            ("--config", "client"),
            ("--config-file", "dok.json"),
        ] {
            command.arg(flag).arg(self.folder.join(name));
        }
        command.args(line).stdin(Stdio::null()).output().unwrap()
    }

    #[track_caller]
    fn says(&self, line: &[&str]) -> String {
        let output = self.dok(line);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{line:?}: {stderr}");
        String::from_utf8(output.stdout).unwrap()
    }

    #[track_caller]
    fn complains(&self, line: &[&str]) -> String {
        let output = self.dok(line);
        assert_eq!(output.status.code(), Some(1), "{line:?}");
        String::from_utf8(output.stderr).unwrap()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.stop();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

#[test]
fn a_registry_is_believed_by_the_certificates_of_its_folder_alone() {
    let Some(mut place) = Place::with_address() else { return };
    place.serve("");
    let name = format!("{HOST}/a:1");
    place.says(&["import", "/dev/null", &name]);
    let refused = |place: &Place, why: &str| {
        let words = place.complains(&["push", &name]);
        assert!(words.contains("invalid peer certificate"), "{why}: {words}");
    };
    refused(&place, "nobody vouches for it");
    place.trust(Some("other.crt"), "ca.crt");
    refused(&place, "another authority");
    place.trust(Some("ca.crt"), "ca.crt");
    place.says(&["push", &name]);
    place.trust(None, "ca.crt");
    refused(&place, "not any more");
    // Another place, by the administrator's file.
    let more = place.folder.join("more");
    fs::create_dir_all(more.join(HOST)).unwrap();
    fs::copy(place.folder.join("ca.crt"), more.join(HOST).join("ca.crt")).unwrap();
    place.settings(&format!(r#""registry-certificates": ["{}"]"#, more.display()));
    place.says(&["push", &name]);
    place.settings(&format!(r#""insecure-registries": ["{HOST}"]"#));
    place.says(&["pull", &name]);
    place.settings(r#""insecure-registries": ["192.0.2.1:5001"]"#);
    refused(&place, "another port is another registry");
    fs::write(more.join(HOST).join("ca.crt"), "no certificate\n").unwrap();
    place.settings(&format!(r#""registry-certificates": ["{}"]"#, more.display()));
    let words = place.complains(&["pull", &name]);
    assert!(words.contains("ca.crt: it has no certificate"), "{words}");
}

#[test]
fn a_registry_that_wants_our_certificate_gets_it() {
    let Some(mut place) = Place::with_address() else { return };
    place.serve(&format!("    clientcas: [{}]\n", place.folder.join("ca.crt").display()));
    let name = format!("{HOST}/a:1");
    place.says(&["import", "/dev/null", &name]);
    place.trust(Some("ca.crt"), "ca.crt");
    place.complains(&["push", &name]);
    place.trust(Some("client.cert"), "client.cert");
    let words = place.complains(&["push", &name]);
    assert!(words.contains("client.key: No such file or directory"), "{words}");
    place.trust(Some("client.key"), "client.key");
    place.says(&["push", &name]);
    place.trust(Some("server.key"), "client.key");
    assert!(place.complains(&["push", &name]).contains("use "), "the key of another");
    place.trust(Some("old.cert"), "client.cert");
    place.trust(Some("old.key"), "client.key");
    let words = place.complains(&["push", &name]);
    assert!(words.contains("client.cert: invalid peer certificate"), "{words}");
}

/// A server that answers each request with what a function says, and remembers the requests.
struct Server {
    address: String,
    heard: Arc<Mutex<Vec<String>>>,
}

impl Server {
    fn new(answer: impl Fn(&str) -> Vec<u8> + Send + Sync + 'static) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let heard = Arc::new(Mutex::new(Vec::new()));
        let (answer, memory) = (Arc::new(answer), Arc::clone(&heard));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (answer, memory) = (Arc::clone(&answer), Arc::clone(&memory));
                std::thread::spawn(move || converse(stream, &*answer, &memory));
            }
        });
        Server { address, heard }
    }

    fn heard(&self) -> Vec<String> {
        self.heard.lock().unwrap().clone()
    }
}

fn converse(mut stream: TcpStream, answer: &dyn Fn(&str) -> Vec<u8>, heard: &Mutex<Vec<String>>) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    loop {
        let mut request = String::new();
        while !request.ends_with("\r\n\r\n") {
            // A connection that is closed, or is no HTTP: dok tries TLS first.
            match reader.read_line(&mut request) {
                Ok(0) | Err(_) => return,
                Ok(_) => {}
            }
        }
        heard.lock().unwrap().push(request.clone());
        let bytes = answer(&request);
        if stream.write_all(&bytes).is_err() {
            return;
        }
        if bytes.is_empty() {
            // It says nothing, and holds the connection.
            let _ = stream.read(&mut [0; 1]);
        }
    }
}

fn answer(status: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n{headers}\r\n", body.len());
    [head.as_bytes(), body].concat()
}

/// An image without layers: its manifest, its configuration and the name of that.
fn image() -> (Vec<u8>, Vec<u8>, String) {
    let config =
        br#"{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]}}"#;
    let digest = onggi_engine::image::Digest::of(config).to_string();
    let manifest = format!(
        r#"{{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"{digest}","size":{}}},"layers":[]}}"#,
        config.len()
    );
    (manifest.into_bytes(), config.to_vec(), digest)
}

const MANIFEST: &str = "Content-Type: application/vnd.oci.image.manifest.v1+json\r\n";

#[test]
fn a_token_is_fetched_with_our_password_and_neither_goes_to_another_server() {
    let place = Place::new();
    let (manifest, config, digest) = image();
    let blobs = Server::new(move |_| answer("200 OK", "", &config));
    let elsewhere = format!("Location: http://{}/somewhere\r\n", blobs.address);
    let tokens =
        Server::new(|request| match request.contains("uthorization: Basic dTpzZWNyZXQ=") {
            true => answer("200 OK", "", br#"{"token":"T0K"}"#),
            false => answer("401 Unauthorized", "", b""),
        });
    let realm = format!(
        "WWW-Authenticate: Bearer realm=\"http://{}/token\",service=\"hub\"\r\n",
        tokens.address
    );
    let hub = Server::new(move |request| match request {
        _ if !request.contains("uthorization: Bearer T0K") => {
            answer("401 Unauthorized", &realm, b"")
        }
        _ if request.contains("/manifests/") => answer("200 OK", MANIFEST, &manifest),
        _ if request.contains("/blobs/") => answer("307 Temporary Redirect", &elsewhere, b""),
        _ => answer("200 OK", "", b"{}"),
    });
    let name = format!("{}/a/b:1", hub.address);
    let words = place.complains(&["pull", &name]);
    assert!(words.contains("token"), "{words}");
    place.says(&["login", "-u", "u", "-p", "secret", &hub.address]);
    place.says(&["pull", &name]);
    assert_eq!(place.says(&["images", "-q", "--no-trunc"]).trim(), digest);
    let scope = "/token?service=hub&scope=repository%3Aa%2Fb%3Apull ";
    assert!(tokens.heard().iter().any(|request| request.contains(scope)), "{:?}", tokens.heard());
    let (hub, blobs) = (hub.heard().concat(), blobs.heard().concat());
    assert!(!hub.contains("Basic"), "the password is for who gives out tokens: {hub}");
    assert!(blobs.contains("GET /somewhere"), "{blobs}");
    assert!(!blobs.to_ascii_lowercase().contains("authorization"), "{blobs}");
}

#[test]
fn a_registry_that_stops_in_the_middle_is_given_up() {
    let place = Place::new();
    let (manifest, config, _) = image();
    let kept = place.says(&["import", "/dev/null", "kept"]);
    let half = config[..config.len() / 2].to_vec();
    let length = config.len();
    let hub = Server::new(move |request| match request {
        _ if request.contains("/manifests/silent") => Vec::new(),
        _ if request.contains("/manifests/") => answer("200 OK", MANIFEST, &manifest),
        _ if request.contains("/blobs/") => {
            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n");
            [head.as_bytes(), &half].concat()
        }
        _ => answer("200 OK", "", b"{}"),
    });
    place.settings(r#""registry-timeout": 1"#);
    for tag in ["silent", "half"] {
        let words = place.complains(&["pull", &format!("{}/a/b:{tag}", hub.address)]);
        assert!(words.contains("timeout"), "{tag}: {words}");
        assert_eq!(place.says(&["images", "-q", "--no-trunc"]), kept, "{tag}");
        assert_eq!(place.says(&["system", "check"]), "0 problems, 0B left over\n", "{tag}");
    }
}

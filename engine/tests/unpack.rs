//! Hostile and odd archives, unpacked on the real kernel.

#![expect(clippy::unwrap_used, reason = "a test fails by it")]

use std::fs;
use std::io::Write;
use std::os::unix::fs::{FileTypeExt, MetadataExt, symlink};
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use onggi_engine::image::Digest;
use onggi_engine::image::manifest::Compression;
use onggi_engine::layer::{Form, Limits, Unpacked, changes, decompress, pack, unpack};
use tar::{Builder, EntryType, Header};

/// A folder with a file outside the layer's root that nothing may touch.
struct Place(PathBuf);

impl Place {
    fn new(name: &str) -> Place {
        let place = std::env::temp_dir().join(format!("dok-unpack-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&place);
        fs::create_dir_all(place.join("root")).unwrap();
        fs::write(place.join("secret"), "untouched").unwrap();
        Place(place)
    }

    fn root(&self) -> PathBuf {
        self.0.join("root")
    }

    fn unpack(&self, archive: &[u8]) -> onggi_engine::error::Result<Unpacked> {
        let limits = Limits { bytes: 1 << 20, entries: 1000 };
        let unpacked = unpack(archive, &self.root(), limits);
        let mut left: Vec<_> =
            fs::read_dir(&self.0).unwrap().map(|e| e.unwrap().file_name()).collect();
        left.sort();
        assert_eq!(left, ["root", "secret"], "nothing new beside the root");
        assert_eq!(fs::read_to_string(self.0.join("secret")).unwrap(), "untouched");
        assert_eq!(fs::metadata(self.0.join("secret")).unwrap().nlink(), 1);
        unpacked
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// An archive whose names are written as they are, without the crate's own care.
struct Raw(Builder<Vec<u8>>);

impl Raw {
    fn new() -> Raw {
        Raw(Builder::new(Vec::new()))
    }

    fn add(mut self, kind: EntryType, name: &str, link: &str, content: &[u8]) -> Raw {
        let mut header = Header::new_ustar();
        header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
        header.as_old_mut().linkname[..link.len()].copy_from_slice(link.as_bytes());
        header.set_entry_type(kind);
        header.set_mode(0o644);
        header.set_size(content.len() as u64);
        header.set_cksum();
        self.0.append(&header, content).unwrap();
        self
    }

    fn file(self, name: &str) -> Raw {
        self.add(EntryType::Regular, name, "", b"evil")
    }

    fn link(self, name: &str, target: &str) -> Raw {
        self.add(EntryType::Symlink, name, target, b"")
    }

    fn folder(self, name: &str) -> Raw {
        self.add(EntryType::Directory, name, "", b"")
    }

    fn bytes(self) -> Vec<u8> {
        self.0.into_inner().unwrap()
    }
}

fn refused(name: &str, archive: Raw) {
    let place = Place::new(name);
    let unpacked = place.unpack(&archive.bytes());
    assert!(unpacked.is_err(), "{name}: {unpacked:?}");
}

#[test]
fn a_name_that_goes_up_is_refused() {
    refused("up", Raw::new().file("../secret"));
    refused("up-within", Raw::new().file("a/../../secret"));
    refused("link-up", Raw::new().add(EntryType::Link, "a", "../secret", b""));
    refused("whiteout-up", Raw::new().file(".wh..."));
    refused("whiteout-self", Raw::new().file(".wh.."));
    refused("whiteout-nothing", Raw::new().file(".wh."));
}

#[test]
fn a_link_leads_nowhere_but_within_the_layer() {
    for (name, target) in [("absolute", "/"), ("relative", ".."), ("far", "../../../../../..")] {
        let place = Place::new(name);
        let archive = Raw::new().link("out", target).file("out/secret").bytes();
        place.unpack(&archive).unwrap();
        assert_eq!(fs::read_to_string(place.root().join("secret")).unwrap(), "evil");
    }
    let place = Place::new("proc");
    let archive = Raw::new().link("out", "/proc/self/cwd").file("out/secret").bytes();
    assert!(place.unpack(&archive).is_err());
}

#[test]
fn a_hard_link_reaches_no_file_outside() {
    let place = Place::new("hard");
    let outside = place.0.join("secret");
    let absolute = outside.to_str().unwrap();
    let archive = Raw::new().add(EntryType::Link, "a", absolute, b"").bytes();
    assert!(place.unpack(&archive).is_err());
    let archive = Raw::new().link("up", "..").add(EntryType::Link, "b", "up/secret", b"").bytes();
    assert!(place.unpack(&archive).is_err());
    // Through a link as the last part: the link itself gets a second name.
    let archive = Raw::new()
        .link("soft", absolute)
        .add(EntryType::Link, "both", "soft", b"")
        .file("both")
        .bytes();
    place.unpack(&archive).unwrap();
    assert_eq!(fs::read_to_string(place.root().join("both")).unwrap(), "evil");
}

#[test]
fn a_file_replaces_a_link_and_does_not_follow_it() {
    let place = Place::new("replace");
    let outside = place.0.join("secret");
    let archive = Raw::new().link("a", outside.to_str().unwrap()).file("a").folder("b");
    let archive = archive.file("b/c").link("b", "..").file("b/secret").bytes();
    place.unpack(&archive).unwrap();
    assert!(place.root().join("a").symlink_metadata().unwrap().is_file());
    assert!(place.root().join("secret").is_file());
}

#[test]
fn a_folder_does_not_take_over_a_link() {
    let place = Place::new("dir-over-link");
    let archive = Raw::new().link("a", "..").folder("a").file("a/secret").bytes();
    place.unpack(&archive).unwrap();
    assert!(place.root().join("a").symlink_metadata().unwrap().is_dir());
    // What was in the root is given the times of its own entry only.
    let archive = Raw::new().folder("x").folder("x/y").link("x", "..").bytes();
    let place = Place::new("folder-gone");
    let before = UNIX_EPOCH + Duration::from_secs(1);
    fs::File::open(&place.0).unwrap().set_modified(before).unwrap();
    place.unpack(&archive).unwrap();
    assert_eq!(fs::metadata(&place.0).unwrap().modified().unwrap(), before);
}

#[test]
fn the_root_is_a_folder() {
    refused("root-link", Raw::new().link(".", "/etc"));
    refused("root-file", Raw::new().file("./"));
}

#[test]
fn whiteouts_hide_by_the_kernel_s_own_marks() {
    let place = Place::new("whiteout");
    let archive =
        Raw::new().folder("d").file("d/.wh.gone").folder("o").file("o/.wh..wh..opq").file("f");
    let archive = archive.file(".wh.f").bytes();
    place.unpack(&archive).unwrap();
    for name in ["d/gone", "f"] {
        let facts = place.root().join(name).symlink_metadata().unwrap();
        assert!(facts.file_type().is_char_device() && facts.rdev() == 0, "{name}");
    }
    let mut value = [0; 8];
    let own = if rustix::process::geteuid().is_root() { "trusted" } else { "user" };
    let name = format!("{own}.overlay.opaque");
    assert_eq!(rustix::fs::lgetxattr(place.root().join("o"), name, &mut value[..]), Ok(1));
}

#[test]
fn a_device_that_overlayfs_reads_as_absence_is_refused() {
    refused("null-device", Raw::new().add(EntryType::Char, "hidden", "", b""));
}

#[test]
fn attributes_of_overlayfs_are_not_for_layers() {
    for name in ["trusted.overlay.redirect", "user.overlay.metacopy"] {
        let mut builder = Builder::new(Vec::new());
        builder
            .append_pax_extensions([(format!("SCHILY.xattr.{name}").as_str(), b"x".as_slice())])
            .unwrap();
        let mut header = Header::new_ustar();
        header.set_size(0);
        header.set_mode(0o644);
        builder.append_data(&mut header, "a", std::io::empty()).unwrap();
        let place = Place::new(name);
        let error = place.unpack(&builder.into_inner().unwrap()).unwrap_err();
        assert!(format!("{error:#}").contains("overlayfs"), "{error:#}");
    }
}

#[test]
fn bombs_stop_at_a_limit() {
    let place = Place::new("bytes");
    let big = vec![0; (1 << 20) + 1];
    assert!(place.unpack(&Raw::new().add(EntryType::Regular, "a", "", &big).bytes()).is_err());

    let place = Place::new("entries");
    let many = (0..1001).fold(Raw::new(), |raw, n| raw.file(&format!("f{n}"))).bytes();
    assert!(place.unpack(&many).is_err());

    // A name of two megabytes, which must not be read into memory.
    let place = Place::new("name");
    let long = vec![b'a'; 2 << 20];
    let archive =
        Raw::new().add(EntryType::GNULongName, "././@LongLink", "", &long).file("a").bytes();
    let error = place.unpack(&archive).unwrap_err();
    assert!(format!("{error:#}").contains("longer than allowed"), "{error:#}");

    // Eight exabytes that are said to follow.
    let mut header = Header::new_gnu();
    header.set_path("huge").unwrap();
    header.set_size(u64::MAX / 2);
    header.set_mode(0o644);
    header.set_cksum();
    let place = Place::new("huge");
    assert!(place.unpack(header.as_bytes()).is_err());

    let place = Place::new("deep");
    let deep = "a/".repeat(40);
    let mut builder = Builder::new(Vec::new());
    let mut header = Header::new_gnu();
    header.set_size(0);
    header.set_mode(0o644);
    builder.append_data(&mut header, deep.repeat(60), std::io::empty()).unwrap();
    assert!(place.unpack(&builder.into_inner().unwrap()).is_err());
}

#[test]
fn a_compressed_bomb_does_not_fill_the_memory() {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    let zeros = vec![0; 1 << 20];
    (0..12).for_each(|_| gzip.write_all(&zeros).unwrap());
    let bomb = gzip.finish().unwrap();
    let place = Place::new("gzip");
    let source = decompress(&bomb[..], Compression::Gzip).unwrap();
    // Zeros are the end of an archive; what comes after it is limited too.
    let limits = Limits { bytes: 1 << 20, entries: 10 };
    let unpacked = unpack(source, &place.root(), limits);
    assert_eq!(unpacked.unwrap().entries, 0);
    let huge = std::io::repeat(0);
    assert!(unpack(huge, &place.root(), limits).is_err());
}

/// CVE-2025-62518: a size that is told twice. What the extension says holds, for us as for GNU tar
/// and Go; whoever believes the other takes content for entries.
#[test]
fn the_size_of_the_extension_holds() {
    let hidden = Raw::new().file("hidden").bytes();
    let mut builder = Builder::new(Vec::new());
    let size = hidden.len().to_string();
    builder.append_pax_extensions([("size", size.as_bytes())]).unwrap();
    let mut header = Header::new_ustar();
    header.set_path("outer").unwrap();
    header.set_size(0);
    header.set_mode(0o644);
    header.set_cksum();
    let mut archive = builder.into_inner().unwrap();
    // The end that the builder wrote.
    archive.truncate(archive.len() - 1024);
    archive.extend_from_slice(header.as_bytes());
    archive.extend_from_slice(&hidden);
    archive.resize(archive.len().next_multiple_of(512) + 1024, 0);
    let place = Place::new("two-sizes");
    let unpacked = place.unpack(&archive).unwrap();
    assert_eq!((unpacked.entries, unpacked.size), (1, hidden.len() as u64));
    assert!(!place.root().join("hidden").exists());
    assert!(fs::read(place.root().join("outer")).unwrap() == hidden);
}

#[test]
fn a_whiteout_hides_nothing_outside() {
    let place = Place::new("whiteout-through-link");
    let archive = Raw::new().link("d", "..").file("d/.wh.secret").file("d/.wh..wh..opq").bytes();
    // The link leads to the root of the layer, where both belong.
    place.unpack(&archive).unwrap();
    assert!(place.root().join("secret").symlink_metadata().unwrap().file_type().is_char_device());
    let place = Place::new("whiteout-absolute");
    let outside = place.0.to_str().unwrap().to_owned();
    let archive = Raw::new().link("d", &outside).file("d/.wh.secret").bytes();
    assert!(place.unpack(&archive).is_err(), "there is no such folder in the layer");
}

#[test]
fn holes_count_as_what_they_are_said_to_be() {
    let mut header = Header::new_gnu();
    header.set_path("sparse").unwrap();
    header.set_entry_type(EntryType::GNUSparse);
    header.set_mode(0o644);
    header.set_size(0);
    let octal = |field: &mut [u8], value: u64| {
        field.copy_from_slice(format!("{value:0width$o}\0", width = field.len() - 1).as_bytes());
    };
    let gnu = header.as_gnu_mut().unwrap();
    octal(&mut gnu.sparse[0].offset, (1 << 33) - 1);
    octal(&mut gnu.sparse[0].numbytes, 0);
    octal(&mut gnu.realsize, (1 << 33) - 1);
    header.set_cksum();
    let place = Place::new("sparse");
    let archive = [header.as_bytes().as_slice(), &[0; 1024]].concat();
    let error = place.unpack(&archive).unwrap_err();
    assert!(format!("{error:#}").contains("more than 1048576 bytes"), "{error:#}");
    let written = fs::metadata(place.root().join("sparse")).map_or(0, |facts| facts.len());
    assert!(written <= 1 << 20, "{written} bytes were written before");
}

#[test]
fn a_window_that_fills_the_memory_is_refused() {
    // A frame of Zstandard that wants to remember two gigabytes, and begins with an empty block.
    let frame = [0x28, 0xb5, 0x2f, 0xfd, 0x00, 21 << 3, 0x01, 0x00, 0x00];
    let mut source = decompress(&frame[..], Compression::Zstd).unwrap();
    let error = std::io::copy(&mut source, &mut std::io::sink()).unwrap_err();
    assert!(error.to_string().contains("memory"), "{error}");
}

#[test]
fn long_attributes_and_names_are_not_read_into_memory() {
    for (name, keys) in [("value", 1), ("keys", 40_000)] {
        let value = vec![b'v'; if keys == 1 { 2 << 20 } else { 20 }];
        let names: Vec<_> = (0..keys).map(|n| format!("SCHILY.xattr.user.a{n}")).collect();
        let mut builder = Builder::new(Vec::new());
        builder.append_pax_extensions(names.iter().map(|n| (n.as_str(), &value[..]))).unwrap();
        let place = Place::new(&format!("pax-{name}"));
        let error = place.unpack(&builder.into_inner().unwrap()).unwrap_err();
        assert!(format!("{error:#}").contains("longer than allowed"), "{name}: {error:#}");
    }
}

#[test]
fn an_archive_that_is_cut_off_is_refused() {
    let whole = Raw::new().folder("d").add(EntryType::Regular, "d/f", "", &[7; 3000]).bytes();
    for length in [100, 512, 600, 1024, 1500, 3000] {
        let place = Place::new(&format!("cut-{length}"));
        let cut = place.unpack(&whole[..length]);
        // Without its end an archive of whole entries is still one, as for GNU tar.
        assert!(cut.is_err() || length % 512 == 0 && length < 1500, "{length}: {cut:?}");
    }
}

/// Everything that a folder can hold comes out as it went in.
#[test]
fn what_is_packed_is_unpacked_the_same() {
    let place = Place::new("round");
    let from = place.0.join("root/from");
    fs::create_dir_all(from.join("d/e")).unwrap();
    fs::write(from.join("d/f"), "content").unwrap();
    fs::hard_link(from.join("d/f"), from.join("d/g")).unwrap();
    symlink("../f", from.join("d/e/s")).unwrap();
    let long = "n".repeat(200);
    fs::write(from.join(&long), "").unwrap();
    let _ = rustix::fs::setxattr(
        from.join("d/f"),
        "user.note",
        b"kept",
        rustix::fs::XattrFlags::empty(),
    );
    rustix::fs::mknodat(
        rustix::fs::CWD,
        from.join("pipe"),
        rustix::fs::FileType::Fifo,
        0o600.into(),
        0,
    )
    .unwrap();
    let mut first = Vec::new();
    pack(&from, Form::Tree, &mut first).unwrap();
    let to = place.0.join("root/to");
    fs::create_dir(&to).unwrap();
    let unpacked = unpack(&first[..], &to, Limits::of(1)).unwrap();
    assert_eq!(unpacked.diff_id, Digest::of(&first));
    assert_eq!(unpacked.size, 7);
    let mut second = Vec::new();
    pack(&to, Form::Tree, &mut second).unwrap();
    assert!(first == second, "the same archive again");
    assert_eq!(fs::metadata(to.join("d/f")).unwrap().nlink(), 2);
}

#[test]
fn changes_are_told_as_docker_tells_them() {
    let place = Place::new("changes");
    let (lower, upper) = (place.root().join("lower"), place.root().join("upper"));
    for folder in [lower.join("etc"), lower.join("var/old"), upper.join("etc"), upper.join("new")] {
        fs::create_dir_all(folder).unwrap();
    }
    fs::write(lower.join("etc/hosts"), "1").unwrap();
    fs::write(lower.join("gone"), "1").unwrap();
    fs::write(upper.join("etc/hosts"), "2").unwrap();
    fs::write(upper.join("new/file"), "2").unwrap();
    let whiteout = |path: &Path| {
        let kind = rustix::fs::FileType::CharacterDevice;
        rustix::fs::mknodat(rustix::fs::CWD, path, kind, rustix::fs::Mode::empty(), 0).unwrap();
    };
    whiteout(&upper.join("gone"));
    whiteout(&upper.join("never-was"));
    let changes = changes(&upper, &[lower]).unwrap();
    let told: Vec<String> =
        changes.iter().map(|c| format!("{} {}", c.kind.letter(), c.path.display())).collect();
    assert_eq!(told, ["C /etc", "C /etc/hosts", "D /gone", "A /new", "A /new/file"]);
    let mut layer = Vec::new();
    pack(&upper, Form::Layer, &mut layer).unwrap();
    let mut archive = tar::Archive::new(&layer[..]);
    let names: Vec<_> =
        archive.entries().unwrap().map(|e| e.unwrap().path().unwrap().into_owned()).collect();
    assert!(names.contains(&PathBuf::from(".wh.gone")), "{names:?}");
}

//! `-v`, `--mount`, `--tmpfs`, and an image's volumes become a list of mounts.

use std::collections::BTreeMap;
use std::path::{Component, Path};

use super::{driven, volumes};
use crate::error::{Context, Kind, Result, refuse};
use crate::model::{Config, Container, HostConfig, Mount, MountPoint, VolumeOptions, items};
use crate::store::volumes::ANONYMOUS;
use crate::store::{Store, random_id};

/// The mounts of a container that is created, and the volumes that are to be made for it alone once
/// it is written down: whoever is killed before leaves none that nobody has.
#[derive(Debug)]
pub(super) struct Mounts<'a> {
    store: &'a Store,
    /// By their places.
    pub(super) points: Vec<MountPoint>,
    own: Vec<Own>,
}

/// A volume that is to be made.
#[derive(Debug)]
struct Own {
    name: String,
    labels: BTreeMap<String, String>,
    options: Option<BTreeMap<String, String>>,
}

/// What a container asks for becomes its mounts; volumes with names are made. What it asks for
/// takes the place of what another has there; twice at one place is too much.
pub(super) fn resolve<'a>(
    store: &'a Store,
    config: &Config,
    host: &HostConfig,
) -> Result<Mounts<'a>> {
    let mut mounts = Mounts { store, points: Vec::new(), own: Vec::new() };
    let mut points: Vec<MountPoint> = Vec::new();
    let mut others: Vec<MountPoint> = Vec::new();
    for name in items(&host.volumes_from) {
        for point in of_another(store, name)? {
            others.retain(|other| other.destination != point.destination);
            others.push(point);
        }
    }
    for bind in items(&host.binds) {
        add_requested(&mut points, from_bind(&mut mounts, bind)?)?;
    }
    for mount in items(&host.mounts) {
        if mount.kind != "tmpfs" {
            add_requested(&mut points, from_mount(&mut mounts, mount)?)?;
        }
    }
    check_tmpfs(&points, host)?;
    others.retain(|other| points.iter().all(|point| point.destination != other.destination));
    points.extend(others);
    for destination in config.volumes.iter().flatten().map(|(path, _)| clean(path)) {
        let taken = points.iter().any(|point| point.destination == destination)
            || host.tmpfs.iter().flatten().any(|(path, _)| clean(path) == destination);
        if !taken {
            let point = mounts.volume("", VolumeOptions::default(), &destination)?;
            points.push(MountPoint { mode: String::new(), ..point });
        }
    }
    points.sort_by(|a, b| a.destination.cmp(&b.destination));
    mounts.own.retain(|own| points.iter().any(|point| point.name == own.name));
    Ok(Mounts { points, ..mounts })
}

/// Makes the volumes of a container that are missing: it was written down before they were made, or
/// they were taken away before it was. So with folders of the host, where the source of a mount is
/// made at all.
///
/// Those that are more than a folder of the store are mounted in the container's bundle.
pub(super) fn complete(store: &Store, container: &Container, bundle: &Path) -> Result<()> {
    for point in container.mounts.iter().filter(|point| !point.name.is_empty()) {
        match store.volume(&point.name)? {
            Some(volume) => driven::mount(&volume, bundle)?,
            None => {
                let labels = is_drawn(&point.name).then(|| anonymous(None));
                store.ensure_volume(&point.name, labels)?;
            }
        }
    }
    let is_expected = |point: &MountPoint| {
        let is_own = |mount: &&Mount| clean(&mount.target) == point.destination;
        let own = items(&container.host_config.mounts).iter().find(is_own);
        own.is_some_and(|own| !own.bind_options.as_ref().is_some_and(|o| o.create_mountpoint))
    };
    let binds = container.mounts.iter().filter(|point| point.kind == "bind");
    let mut made = binds.filter(|point| !is_expected(point));
    made.try_for_each(|point| make_source(&point.source))
}

/// Whether nobody gave this name.
fn is_drawn(name: &str) -> bool {
    name.len() == 64 && name.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn anonymous(labels: Option<BTreeMap<String, String>>) -> BTreeMap<String, String> {
    let mut labels = labels.unwrap_or_default();
    labels.insert(ANONYMOUS.to_owned(), String::new());
    labels
}

fn add_requested(points: &mut Vec<MountPoint>, point: MountPoint) -> Result<()> {
    if !point.destination.starts_with('/') || point.destination == "/" {
        let words = format!(
            "invalid mount config for type {:?}: invalid mount path: '{}' mount path must be \
             absolute, and not '/'",
            point.kind, point.destination
        );
        return Err(refuse(Kind::Invalid, words));
    }
    if points.iter().any(|other| other.destination == point.destination) {
        return Err(duplicate(&point.destination));
    }
    points.push(point);
    Ok(())
}

fn duplicate(destination: &str) -> anyhow::Error {
    refuse(Kind::Invalid, format!("Duplicate mount point: {destination}"))
}

/// Whether a tmpfs has a place, and one of its own.
fn check_tmpfs(points: &[MountPoint], host: &HostConfig) -> Result<()> {
    for path in host.tmpfs.iter().flatten().map(|(path, _)| path) {
        if !path.starts_with('/') {
            let words = format!("invalid mount path: '{path}' mount path must be absolute");
            return Err(refuse(Kind::Invalid, words));
        }
        if clean(path) == "/" {
            let words = "invalid mount config for type \"tmpfs\": invalid specification: \
                         destination can't be '/'";
            return Err(refuse(Kind::Invalid, words.to_owned()));
        }
        if points.iter().any(|point| point.destination == clean(path)) {
            return Err(duplicate(path));
        }
    }
    Ok(())
}

fn of_another(store: &Store, word: &str) -> Result<Vec<MountPoint>> {
    let (name, mode) = word.split_once(':').unwrap_or((word, ""));
    let mut points = store.container(name)?.mounts;
    for word in mode.split(',').filter(|_| !mode.is_empty()) {
        match word {
            "ro" => points.iter_mut().for_each(|point| point.writable = false),
            "rw" | "z" | "Z" => {}
            _ => return Err(refuse(Kind::Invalid, format!("invalid mode: {mode}"))),
        }
    }
    Ok(points)
}

/// `SOURCE:TARGET[:OPTIONS]`, or only a target.
fn from_bind(mounts: &mut Mounts<'_>, bind: &str) -> Result<MountPoint> {
    let wrong = || refuse(Kind::Invalid, format!("invalid volume specification: '{bind}'"));
    let parts: Vec<_> = bind.split(':').collect();
    let (source, target, mode) = match *parts {
        [target] => ("", target, ""),
        [source, target] => (source, target, ""),
        [source, target, mode] => (source, target, mode),
        _ => return Err(wrong()),
    };
    if target.is_empty() || (parts.len() > 1 && source.is_empty()) {
        return Err(wrong());
    }
    let mut point = if source.starts_with('/') {
        make_source(source)?;
        bound(source, &clean(target))
    } else {
        mounts.volume(source, VolumeOptions::default(), &clean(target))?
    };
    if !mode.is_empty() || source.is_empty() {
        mode.clone_into(&mut point.mode);
    }
    let is_volume = point.kind == "volume";
    for option in mode.split(',').filter(|option| !option.is_empty()) {
        match option {
            "ro" | "readonly" => point.writable = false,
            "rw" | "z" | "Z" | "cached" | "delegated" | "consistent" => {}
            "nocopy" if is_volume => {}
            "private" | "rprivate" | "shared" | "rshared" | "slave" | "rslave" => {
                if is_volume {
                    let words = "invalid mount config for type \"volume\": field BindOptions must \
                                 not be specified";
                    return Err(refuse(Kind::Invalid, words));
                }
                option.clone_into(&mut point.propagation);
            }
            _ => return Err(refuse(Kind::Invalid, format!("invalid mode: {option}"))),
        }
    }
    Ok(point)
}

fn from_mount(mounts: &mut Mounts<'_>, mount: &Mount) -> Result<MountPoint> {
    let wrong = |what: &str| {
        let words = format!("invalid mount config for type {:?}: {what}", mount.kind);
        refuse(Kind::Invalid, words)
    };
    let mut point = match mount.kind.as_str() {
        "bind" => {
            let options = mount.bind_options.clone().unwrap_or_default();
            if mount.source.is_empty() {
                return Err(wrong("field Source must not be empty"));
            }
            if !mount.source.starts_with('/') {
                let source = &mount.source;
                return Err(wrong(&format!(
                    "invalid mount path: '{source}' mount path must be absolute"
                )));
            }
            match options.create_mountpoint {
                true => make_source(&mount.source)?,
                false if !Path::new(&mount.source).exists() => {
                    let what = format!("bind source path does not exist: {}", mount.source);
                    return Err(wrong(&what));
                }
                false => {}
            }
            let mut point = bound(&mount.source, &clean(&mount.target));
            if !options.propagation.is_empty() {
                point.propagation = options.propagation;
            }
            let words = [
                ("non-recursive", options.non_recursive),
                (WRITABLE_BELOW, options.read_only_non_recursive),
                (NOTHING_WRITABLE, options.read_only_force_recursive),
            ];
            let words = words.iter().filter(|(_, said)| *said).map(|(word, _)| *word);
            point.mode = words.collect::<Vec<_>>().join(",");
            point
        }
        "" | "volume" => {
            let options = mount.volume_options.clone().unwrap_or_default();
            let (no_copy, subpath) = (options.no_copy, options.subpath.clone());
            let mut point = mounts.volume(&mount.source, options, &clean(&mount.target))?;
            if no_copy {
                "nocopy".clone_into(&mut point.mode);
            }
            if !is_below(Path::new(&subpath)) {
                return Err(wrong("subpath must be a relative path within the volume"));
            }
            point.subpath = subpath;
            point
        }
        other => {
            let words = format!("invalid mount config: unknown type {other:?}");
            return Err(refuse(Kind::Invalid, words));
        }
    };
    point.writable = !mount.read_only;
    Ok(point)
}

/// Words of [`MountPoint::mode`] about mounts below one that cannot be written.
pub(super) const WRITABLE_BELOW: &str = "ro-non-recursive";
pub(super) const NOTHING_WRITABLE: &str = "ro-force-recursive";

/// Whether a path leads down only.
fn is_below(path: &Path) -> bool {
    path.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir))
}

fn bound(source: &str, destination: &str) -> MountPoint {
    MountPoint {
        kind: "bind".into(),
        source: source.to_owned(),
        destination: destination.to_owned(),
        writable: true,
        propagation: "rprivate".into(),
        ..MountPoint::default()
    }
}

impl Mounts<'_> {
    /// A volume by its name; without one, a new volume for this container alone, to be made later.
    fn volume(
        &mut self,
        name: &str,
        asked: VolumeOptions,
        destination: &str,
    ) -> Result<MountPoint> {
        let driver = asked.driver_config.unwrap_or_default();
        volumes::check_driver(&driver.name, driver.options.as_ref())
            .with_context(|| format!("create {name}"))?;
        let name = if name.is_empty() {
            let name = random_id()?;
            let labels = anonymous(asked.labels);
            self.own.push(Own { name: name.clone(), labels, options: driver.options });
            name
        } else {
            self.store.ensure_volume_with(name, asked.labels, driver.options)?.name
        };
        Ok(MountPoint {
            kind: "volume".into(),
            source: self.store.volume_files(&name).display().to_string(),
            name,
            destination: destination.to_owned(),
            driver: "local".into(),
            // Docker's word for a volume that anybody asked for, though nothing is labelled.
            mode: "z".into(),
            writable: true,
            ..MountPoint::default()
        })
    }

    /// Makes the volumes that are for this container alone.
    ///
    /// # Errors
    /// What cannot be written.
    pub(super) fn make_own(self) -> Result<()> {
        let mut own = self.own.into_iter();
        own.try_for_each(|own| {
            self.store.ensure_volume_with(&own.name, Some(own.labels), own.options).map(drop)
        })
    }
}

/// Docker makes a missing source of `-v`.
fn make_source(source: &str) -> Result<()> {
    if Path::new(source).exists() {
        return Ok(());
    }
    std::fs::create_dir_all(source).with_context(|| format!("make the source {source}"))
}

/// A path without `.`, `..` and doubled slashes.
pub(super) fn clean(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in Path::new(path).components() {
        match part {
            Component::Normal(name) => parts.extend(name.to_str()),
            Component::ParentDir => drop(parts.pop()),
            _ => {}
        }
    }
    let root = if path.starts_with('/') { "/" } else { "" };
    format!("{root}{}", parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn store(test: &str) -> Store {
        let root = std::env::temp_dir().join(format!("dok-mounts-{}-{test}", std::process::id()));
        let _ = std::fs::remove_dir_all(&root);
        Store::open(root.clone(), root.join("run")).unwrap()
    }

    #[test]
    fn binds_become_mounts_or_are_refused() {
        let store = store("binds");
        let mut mounts = Mounts { store: &store, points: Vec::new(), own: Vec::new() };
        let point = from_bind(&mut mounts, "/tmp:/h/../x/:ro").unwrap();
        assert_eq!((&*point.kind, &*point.destination), ("bind", "/x"));
        assert!(!point.writable);
        let point = from_bind(&mut mounts, "data:/d").unwrap();
        assert_eq!((&*point.kind, &*point.name), ("volume", "data"));
        for wrong in ["", ":/x", "/a:/b:ro:z", "/a:/b:fast", "../a:/b"] {
            assert!(from_bind(&mut mounts, wrong).is_err(), "{wrong}");
        }
        std::fs::remove_dir_all(store.root()).unwrap();
    }

    #[test]
    fn an_images_volume_yields_to_what_was_asked_for() {
        let store = store("volumes");
        let volumes = ["/data", "/other"].map(|path| (path.to_owned(), Default::default()));
        let config = Config { volumes: Some(volumes.into()), ..Config::default() };
        let host = HostConfig { binds: Some(vec!["/tmp:/data".into()]), ..HostConfig::default() };
        let mounts = resolve(&store, &config, &host).unwrap();
        let points = mounts.points.clone();
        let got: Vec<_> = points.iter().map(|p| (&*p.destination, &*p.kind)).collect();
        assert_eq!(got, [("/data", "bind"), ("/other", "volume")]);
        assert_eq!(store.volume(&points[1].name).unwrap(), None, "not before the container");
        mounts.make_own().unwrap();
        assert!(store.volume(&points[1].name).unwrap().unwrap().is_anonymous());
        std::fs::remove_dir_all(store.root()).unwrap();
    }
}

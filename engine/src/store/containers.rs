//! Containers on disk. `containers/ID` in the root holds `container.json` (what it was asked to
//! be), `state.json` (what became of it), the read-write layer (`upper`, `work`), its log, and the
//! files that dok writes for it; `ID` in the run folder is its bundle, with sockets and mounts.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::durable::{self, Durability};
use super::{Busy, Lock, Store, tree};
use crate::error::{Context, IfThere, Kind, Result, refuse};
use crate::model::{Container, Event, State};

const DEFINITION: &str = "container.json";
const STATE: &str = "state.json";
const FILLED: &str = "filled";

impl Store {
    /// The folder that holds the folders of containers.
    fn containers(&self) -> PathBuf {
        self.root.join("containers")
    }

    /// A container's folder, which survives a reboot.
    pub fn container_folder(&self, id: &str) -> PathBuf {
        self.containers().join(id)
    }

    /// A container's bundle: mounts, sockets, configuration.
    pub fn bundle(&self, id: &str) -> PathBuf {
        self.run.join(id)
    }

    /// The container's log, in Docker's json-file form.
    pub fn log_file(&self, id: &str) -> PathBuf {
        self.container_folder(id).join(format!("{id}-json.log"))
    }

    /// Whether a container is there, by its whole id.
    pub fn has_container(&self, id: &str) -> bool {
        self.container_folder(id).join(DEFINITION).exists()
    }

    /// Gives a container its place and its name, or leaves nothing behind.
    ///
    /// # Errors
    /// A conflict where the name is taken; what could not be written.
    pub fn add_container(&self, container: &Container) -> Result<()> {
        let _busy = self.busy()?;
        let staged = self.staging().join(&container.id);
        let added = self
            .stage_container(container, &staged)
            .and_then(|()| self.publish(container, &staged));
        if added.is_err() {
            // It had no name yet; a failure to clear it is found by the next check of the store.
            let _ = fs::remove_dir_all(&staged);
        }
        added?;
        self.tell(&Event::of_container(container, "create"));
        Ok(())
    }

    fn stage_container(&self, container: &Container, staged: &Path) -> Result<()> {
        let text = serde_json::to_vec(container).context("encode the container")?;
        durable::make_private_folder(staged)
            .and_then(|()| durable::make_private_folder(&self.containers()))
            .and_then(|()| durable::put(&staged.join(DEFINITION), &text, durability(container)))
            .with_context(|| format!("write {}", staged.display()))
    }

    fn publish(&self, container: &Container, staged: &Path) -> Result<()> {
        let id = &container.id;
        let _names = self.lock_names()?;
        self.take_name(&container.name, id)?;
        let moved = fs::rename(staged, self.container_folder(id))
            .with_context(|| format!("move {} to its place", staged.display()));
        if moved.is_err() {
            self.drop_name(&container.name, id)?;
        }
        moved?;
        match durability(container) {
            Durability::Passing => Ok(()),
            Durability::Kept => {
                durable::sync_folder(&self.containers()).context("sync the containers")
            }
        }
    }

    /// The container of this name, id, or beginning of an id that only one has.
    ///
    /// # Errors
    /// `No such container: X`, or that several ids begin so.
    pub fn container(&self, name: &str) -> Result<Container> {
        let missing = || refuse(Kind::NotFound, format!("No such container: {name}"));
        let bare = name.strip_prefix('/').unwrap_or(name);
        let id = match self.id_of_name(bare) {
            Some(id) if !is_id(bare) => id,
            _ => self.id_by_prefix(bare)?.ok_or_else(missing)?,
        };
        let found = self.read_container(&id)?.ok_or_else(missing)?;
        // A rename that was killed may have left a second name.
        let is_meant = found.name == bare || id.starts_with(bare);
        if is_meant { Ok(found) } else { Err(missing()) }
    }

    fn id_by_prefix(&self, prefix: &str) -> Result<Option<String>> {
        if is_id(prefix) && self.has_container(prefix) {
            return Ok(Some(prefix.to_owned()));
        }
        if prefix.is_empty() || !prefix.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Ok(None);
        }
        let mut ids = self.container_ids()?.into_iter().filter(|id| id.starts_with(prefix));
        match (ids.next(), ids.next()) {
            (Some(_), Some(_)) => {
                let words = format!("multiple IDs found with provided prefix: {prefix}");
                Err(refuse(Kind::Invalid, words))
            }
            (only, _) => Ok(only),
        }
    }

    /// A container by its whole id, if it is there.
    ///
    /// # Errors
    /// Names the file that cannot be read.
    pub fn read_container(&self, id: &str) -> Result<Option<Container>> {
        let file = self.container_folder(id).join(DEFINITION);
        let text = match fs::read(&file) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            text => text.with_context(|| format!("read {}", file.display()))?,
        };
        let container =
            serde_json::from_slice(&text).with_context(|| format!("read {}", file.display()))?;
        Ok(Some(container))
    }

    /// The ids of all containers, in no order.
    ///
    /// # Errors
    /// Names the folder that cannot be listed.
    pub fn container_ids(&self) -> Result<Vec<String>> {
        let folder = self.containers();
        let entries = match fs::read_dir(&folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.with_context(|| format!("list {}", folder.display()))?,
        };
        let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        Ok(names.filter(|name| is_id(name)).collect())
    }

    /// Writes a changed definition: for `update`, under the container's lock.
    ///
    /// # Errors
    /// Names the file that cannot be written.
    pub fn change_container(&self, container: &Container) -> Result<()> {
        let file = self.container_folder(&container.id).join(DEFINITION);
        let text = serde_json::to_vec(container).context("encode the container")?;
        durable::put(&file, &text, durability(container))
            .with_context(|| format!("write {}", file.display()))
    }

    /// Gives a container another name.
    ///
    /// # Errors
    /// A conflict where the name is taken.
    pub fn rename_container(&self, container: &mut Container, name: &str) -> Result<()> {
        let _names = self.lock_names()?;
        self.take_name(name, &container.id)?;
        let former = std::mem::replace(&mut container.name, name.to_owned());
        let written = self.change_container(container);
        let loser = if written.is_ok() { &former } else { name };
        self.drop_name(loser, &container.id)?;
        written?;
        self.tell(&Event::of_container(container, "rename").with("oldName", &format!("/{former}")));
        Ok(())
    }

    pub(super) fn state_file(&self, id: &str) -> PathBuf {
        self.container_folder(id).join(STATE)
    }

    /// What was last written about a container; where nothing was, it never ran.
    ///
    /// # Errors
    /// Names the file that cannot be read.
    pub fn written_state(&self, id: &str) -> Result<State> {
        let file = self.state_file(id);
        match fs::read(&file) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(State::default()),
            text => text
                .map_err(anyhow::Error::from)
                .and_then(|text| Ok(serde_json::from_slice(&text)?))
                .with_context(|| format!("read {}", file.display())),
        }
    }

    /// Writes what became of a container: by its monitor, or under its lock where it has none.
    ///
    /// # Errors
    /// Names the file that cannot be written.
    pub fn write_state(&self, id: &str, state: &State, durability: Durability) -> Result<()> {
        let file = self.state_file(id);
        let text = serde_json::to_vec(state).context("encode the state")?;
        let is_full = |error: &io::Error| {
            matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
        };
        let written = match durable::put(&file, &text, durability) {
            // A container that has filled the disk keeps its exit code.
            Err(error) if is_full(&error) => durable::overwrite(&file, &text).map_err(|_| error),
            written => written,
        };
        written.with_context(|| format!("write {}", file.display()))
    }

    /// Waits until nobody else starts, removes or changes this container.
    ///
    /// # Errors
    /// `No such container`, where it went meanwhile.
    pub fn lock_container(&self, id: &str) -> Result<Lock> {
        let lock = Lock::wait(&self.container_folder(id)).ok().filter(|_| self.has_container(id));
        lock.ok_or_else(|| refuse(Kind::NotFound, format!("No such container: {id}")))
    }

    /// The container's lock, unless somebody is at work on it or it is not there.
    ///
    /// # Errors
    /// Of `open(2)` and `flock(2)`.
    pub fn try_lock_container(&self, id: &str) -> Result<Option<Lock>> {
        match Lock::try_now(&self.container_folder(id)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            lock => lock.with_context(|| format!("lock the container {id}")),
        }
    }

    /// The ids of all bundles, in no order: those of containers, and those of containers that went
    /// before their bundles did.
    ///
    /// # Errors
    /// Names the folder that cannot be listed.
    pub fn bundle_ids(&self) -> Result<Vec<String>> {
        ids_below(&self.run)
    }

    /// The ids of the containers that the runtime may know.
    ///
    /// # Errors
    /// Names the folder that cannot be read.
    pub fn ids_in_runtime(&self) -> Result<Vec<String>> {
        let folder = self.runtime_state();
        if folder.exists() { ids_below(&folder) } else { Ok(Vec::new()) }
    }

    /// Whether a container's volumes have got what the image has for them.
    pub fn is_filled(&self, id: &str) -> bool {
        self.container_folder(id).join(FILLED).exists()
    }

    /// Remembers that a container's volumes have got what the image has for them.
    ///
    /// # Errors
    /// Names the file that cannot be made.
    pub fn mark_filled(&self, id: &str) -> Result<()> {
        let mark = self.container_folder(id).join(FILLED);
        fs::write(&mark, "").with_context(|| format!("write {}", mark.display()))
    }

    /// Takes a container that has neither processes nor mounts out of sight: its name is free, and
    /// nothing tells of it any more.
    ///
    /// # Errors
    /// Names what cannot be moved or removed.
    pub fn take_out_container(&self, container: &Container) -> Result<Remains> {
        let id = &container.id;
        let busy = self.busy()?;
        let trash = self.staging().join(format!("{id}.removed"));
        fs::rename(self.container_folder(id), &trash)
            .with_context(|| format!("remove the container {id}"))?;
        self.drop_name(&container.name, id)?;
        let bundle = self.bundle(id);
        let removed = fs::remove_dir_all(&bundle).if_there();
        removed.with_context(|| format!("remove {}", bundle.display()))?;
        self.tell(&Event::of_container(container, "destroy"));
        Ok(Remains { trash, _busy: busy })
    }
}

/// The files of a container that is out of sight. Those of a process that is killed before it has
/// removed them are taken away with the next collection.
#[must_use = "its files are still there"]
#[derive(Debug)]
pub struct Remains {
    trash: PathBuf,
    _busy: Busy,
}

impl Remains {
    /// Removes all that is on disk.
    ///
    /// # Errors
    /// Names the folder that cannot be removed.
    pub fn remove(self) -> Result<()> {
        tree::remove(&self.trash).with_context(|| format!("remove {}", self.trash.display()))
    }
}

/// A container that removes itself needs no place after a power cut.
fn durability(container: &Container) -> Durability {
    if container.host_config.auto_remove { Durability::Passing } else { Durability::Kept }
}

/// The entries of a folder that are named by an id.
fn ids_below(folder: &Path) -> Result<Vec<String>> {
    let entries = fs::read_dir(folder).with_context(|| format!("list {}", folder.display()))?;
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    Ok(names.filter(|name| is_id(name)).collect())
}

/// Sixty-four hexadecimal digits in lower case.
fn is_id(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::kind;

    fn store(test: &str) -> Store {
        let root = std::env::temp_dir().join(format!("dok-store-{}-{test}", std::process::id()));
        let _ = fs::remove_dir_all(&root);
        Store::open(root.clone(), root.join("run")).unwrap()
    }

    fn container(digit: char, name: &str) -> Container {
        let id = std::iter::repeat_n(digit, 64).collect();
        Container { id, name: name.into(), ..Container::default() }
    }

    #[test]
    fn a_container_is_found_by_name_id_and_the_beginning_of_its_id() {
        let store = store("find");
        let (one, two) = (container('a', "one"), container('b', "two"));
        store.add_container(&one).unwrap();
        store.add_container(&two).unwrap();
        for word in ["one", "/one", "aa", &one.id] {
            assert_eq!(store.container(word).unwrap().id, one.id, "{word}");
        }
        for word in ["", "three", "cc", "../names", "one/.."] {
            assert_eq!(kind(&store.container(word).unwrap_err()), Some(Kind::NotFound), "{word}");
        }
        let mut third = container('a', "third");
        third.id.replace_range(63.., "c");
        store.add_container(&third).unwrap();
        assert_eq!(kind(&store.container("aaa").unwrap_err()), Some(Kind::Invalid));
        fs::remove_dir_all(store.root()).unwrap();
    }

    #[test]
    fn a_name_belongs_to_one_container_until_it_is_removed_or_renamed() {
        let store = store("names");
        let mut first = container('a', "web");
        store.add_container(&first).unwrap();
        let refused = store.add_container(&container('b', "web")).unwrap_err();
        assert_eq!(kind(&refused), Some(Kind::Conflict));
        assert_eq!(fs::read_dir(store.staging()).unwrap().count(), 0, "nothing stays");
        store.rename_container(&mut first, "old").unwrap();
        assert!(store.container("web").is_err());
        assert_eq!(store.container("old").unwrap().id, first.id);
        store.add_container(&container('b', "web")).unwrap();
        store.take_out_container(&first).unwrap().remove().unwrap();
        store.add_container(&container('c', "old")).unwrap();
        fs::remove_dir_all(store.root()).unwrap();
    }

    #[test]
    fn the_name_of_a_creation_that_died_is_free() {
        let store = store("died");
        {
            let _names = store.lock_names().unwrap();
            store.take_name("web", &container('a', "web").id).unwrap();
        }
        store.add_container(&container('b', "web")).unwrap();
        fs::remove_dir_all(store.root()).unwrap();
    }
}

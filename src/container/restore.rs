//! `restore`: a container whose processes CRIU makes from the images of a checkpoint.

use std::os::fd::OwnedFd;

use super::create::{self, Made, Mode};
use super::images::{Images, Purpose};
use super::options::{CreateOptions, RestoreOptions, RunOptions};
use super::passed::Passed;
use super::poststop::Poststop;
use super::saved::Saved;
use super::serve::{self, Handles, Served};
use super::store::Directory;
use super::{Container, ContainerId, Store, checkpoint, notify, outside, run, state_for_hooks};
use crate::cgroup::{self, Cgroup};
use crate::criu::{self, CgroupsMode, Feature, Notice, Options, Place, Restorer, Streams, Switch};
use crate::error::{Doing, Result};
use crate::failpoint;
use crate::log;
use crate::plan::{Kind, Plan};
use crate::spec::Spec;
use crate::sys::fd::{here, open_at, stat};

/// The directory that CRIU sees the root at.
const ROOT: &str = "criu-root";

/// Makes a container from a bundle and the images of a checkpoint; gives the exit code of its
/// first process, or 0 when detached.
///
/// # Errors
/// CRIU's own, with the end of its log. Nothing is left then.
pub fn restore(
    store: &Store,
    id: &ContainerId,
    wanted: &RestoreOptions,
    options: &CreateOptions,
    run: &RunOptions,
) -> Result<i32> {
    checkpoint::check_rights("restore")?;
    run::follow(run, || make(store, id, wanted, options, Mode::Running(run.attach)))
}

fn make(
    store: &Store,
    id: &ContainerId,
    wanted: &RestoreOptions,
    options: &CreateOptions,
    mode: Mode,
) -> Result<Made> {
    let text = create::enter_bundle(options)?;
    let (spec, host) = create::read(&text, options)?;
    let mut plan = create::plan(&spec, &host, id, options)?;
    create::check_terminal(&plan, options, mode)?;
    Passed::take(0)?;
    let directory = store.root.join(id.as_str());
    notify::plan(&directory, &mut plan);
    let images = Images::open(&wanted.criu.images, wanted.criu.work.as_deref(), Purpose::Restore)?;
    let image = Image::read(&images, wanted, &spec, &plan)?;

    let mut poststop = Poststop::after(&plan.hooks);
    let reserved = store.reserve(id)?;
    let directory = reserved.directory()?;
    directory.save_config(&text)?;
    notify::open(directory, false)?;
    let mut saved = create::saved(id, &spec, &plan, &host, options);
    directory.announce(&saved)?;
    failpoint::reach("save the state")?;
    let mut cgroup = Cgroup::create(&plan.cgroup).doing(|| "make the cgroup".into())?;
    outside::make_mount_points(&plan)?;
    poststop.owe(&saved);
    let mut restoring = Restoring {
        plan: &plan,
        directory,
        saved: &mut saved,
        cgroup: &mut cgroup,
        handles: Handles {
            console_socket: options.console_socket.as_deref(),
            pidfd_socket: options.pidfd_socket.as_deref(),
            pid_file: options.pid_file.as_deref(),
        },
        served: Served::default(),
    };
    let child = restoring.run(&images, image).doing(|| format!("restore {id}"))?;
    let served = restoring.served;
    directory.is_made()?;

    let container = Container { directory: store.find(id)?, saved };
    let child = child.keep();
    cgroup.keep();
    reserved.keep();
    poststop.keep();
    Ok(Made { container, child, served, notify: None, hooks: plan.hooks })
}

/// What CRIU is told of the images, checked before anything is made.
struct Image {
    options: Options,
    /// The namespaces among the descriptors that it inherits.
    namespaces: Vec<OwnedFd>,
}

impl Image {
    fn read(
        images: &Images,
        wanted: &RestoreOptions,
        spec: &Spec<'_>,
        plan: &Plan,
    ) -> Result<Image> {
        let mut options = Options {
            lsm_profile: wanted.lsm_profile.clone(),
            lsm_mount_context: wanted.lsm_mount_context.clone(),
            config: checkpoint::config_file(&spec.annotations),
            ..checkpoint::common(&wanted.criu, images)
        };
        options.switches.extend([Switch::EvasiveDevices, Switch::Sibling]);
        options.inherit = images.pipes()?;
        let namespaces = outside::for_restore(plan, &mut options)?;
        let lazy = options.switches.contains(&Switch::LazyPages);
        criu::check(&options, if lazy { &[Feature::LazyPages] } else { &[] })?;
        Ok(Image { options, namespaces })
    }
}

/// A container that is being restored.
struct Restoring<'a> {
    plan: &'a Plan,
    directory: &'a Directory,
    saved: &'a mut Saved,
    cgroup: &'a mut cgroup::Created,
    handles: Handles<'a>,
    served: Served,
}

impl Restoring<'_> {
    fn run(&mut self, images: &Images, image: Image) -> Result<crate::launch::Child> {
        let root = self.directory.path().join(ROOT);
        std::fs::create_dir(&root).doing(|| format!("make {}", root.display()))?;
        let Image { options, namespaces } = image;
        let plan = self.plan;
        let place = Place {
            root: Some((&plan.root.path, &root)),
            entry: self.cgroup.entry().doing(|| "open the cgroup".into())?,
            keyring: plan.keyring.as_deref(),
            directories: images.directories(),
            inherit: namespaces.iter().collect(),
            streams: Streams::Callers,
        };
        let child = Restorer::start(place).and_then(|criu| {
            self.finish_cgroup(criu.pid())?;
            let at = root.display().to_string();
            let options = complete(options, criu.pid(), at, self.cgroup.is_none())?;
            let mut refused = false;
            let restored = criu
                .restore(&options, &mut |notice| self.hear(notice).inspect_err(|_| refused = true));
            restored.map_err(|error| if refused { error } else { images.explain(&error) })
        });
        let _ = std::fs::remove_dir(&root);
        let child = child?;
        serve::send_pidfd(self.handles, &child, None)?;
        if let Some(path) = self.handles.pid_file {
            serve::write_pid_file(path, child.pid)?;
        }
        Ok(child)
    }

    /// systemd makes a scope around CRIU, which then is where its processes will be.
    fn finish_cgroup(&mut self, criu: i32) -> Result<()> {
        self.cgroup.finish(&self.plan.cgroup, criu).doing(|| "make the cgroup".into())?;
        if self.cgroup.is_systemds() {
            let entry = self.cgroup.later_entry().doing(|| "open the cgroup".into())?;
            entry.admit(criu).doing(|| "enter the cgroup".into())?;
        }
        self.saved.onggi.cgroup = self.cgroup.saved();
        create::tell_of_cgroup(self.cgroup, self.plan);
        Ok(())
    }

    fn hear(&mut self, notice: Notice) -> Result<()> {
        log::debug(|| format!("criu: {} {}", notice.name, notice.pid));
        match notice.name.as_str() {
            "setup-namespaces" => self.run_hooks(notice.pid),
            "orphan-pts-master" => {
                let master = notice.fds.into_iter().next();
                self.served.terminal = serve::hand_over_terminal(self.handles, master)?;
                Ok(())
            }
            "post-restore" => self.save(notice.pid),
            _ => Ok(()),
        }
    }

    fn run_hooks(&self, pid: i32) -> Result<()> {
        let state = state_for_hooks(self.saved, "creating", pid);
        serve::run_runtime_hooks(&self.plan.hooks, &state)
    }

    /// Before the processes go on: there is none that no state names.
    fn save(&mut self, pid: i32) -> Result<()> {
        self.saved.onggi.namespaces = namespaces_of(pid)?;
        self.saved.set_init(pid)?;
        self.directory.save(self.saved)?;
        failpoint::reach("save the pid")
    }
}

/// What is known once CRIU runs: the groups that it is in, which are to be the container's.
fn complete(options: Options, criu: i32, root: String, no_group: bool) -> Result<Options> {
    let path = format!("/proc/{criu}/cgroup");
    let text = std::fs::read_to_string(&path).doing(|| format!("read {path}"))?;
    let cgroups = match no_group {
        true => CgroupsMode::Ignore,
        false => options.cgroups,
    };
    Ok(Options { root, cgroups, cgroup_roots: cgroup_roots(&text), ..options })
}

/// Lines like `4:cpu,cpuacct:/web`, one for each controller.
fn cgroup_roots(text: &str) -> Vec<(String, String)> {
    let lines = text.lines().filter_map(|line| line.split_once(':')?.1.split_once(':'));
    lines
        .flat_map(|(controllers, path)| {
            controllers.split(',').map(move |name| (name.to_owned(), path.to_owned()))
        })
        .collect()
}

/// CRIU makes a time namespace too, for clocks to go on where they were.
fn namespaces_of(pid: i32) -> Result<Vec<Kind>> {
    let number = |of: &str, kind: Kind| {
        let path = format!("/proc/{of}/ns/{}", kind.file());
        let opened = open_at(here(), &path, libc::O_RDONLY, 0);
        opened.and_then(|fd| Ok(stat(std::os::fd::AsFd::as_fd(&fd))?.st_ino))
    };
    let mut own = Vec::new();
    for (kind, ..) in Kind::ALL {
        match (number("self", kind), number(&pid.to_string(), kind)) {
            (Ok(ours), Ok(theirs)) if ours != theirs => own.push(kind),
            (Ok(_), Ok(_)) => {}
            // A kind that this kernel does not have.
            (Err(error), _) if error.raw_os_error() == Some(libc::ENOENT) => {}
            (_, Err(error)) | (Err(error), _) => {
                return Err(error).doing(|| format!("look at the namespaces of process {pid}"));
            }
        }
    }
    Ok(own)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_controller_has_its_root() {
        let text = "12:cpu,cpuacct:/web\n1:name=systemd:/a:b\n0::/web\nnonsense\n";
        let expected =
            [("cpu", "/web"), ("cpuacct", "/web"), ("name=systemd", "/a:b"), ("", "/web")];
        let expected = expected.map(|(name, path)| (name.to_owned(), path.to_owned()));
        assert_eq!(cgroup_roots(text), expected);
    }
}

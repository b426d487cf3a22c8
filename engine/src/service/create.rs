//! Creating a container: the request is completed by its image, checked, and written down.

use super::image_parts::ImageParts;
use super::signal::Signal;
use super::{Engine, conflicts, limits, links, merge, mounts, names, networking};
use crate::bundle::{self, capabilities};
use crate::error::{Kind, Result, refuse};
use crate::image::platform::Platform;
use crate::model::{Config, Container, HostConfig, NetworkingConfig, items};
use crate::monitor::cleanup::{self, Volumes};
use crate::monitor::log_options::{LOCAL, Limits};
use crate::monitor::restart;
use crate::store::{check_name, random_id};
use crate::time::Time;

/// What a container is asked to be: the body of `POST /containers/create`.
#[derive(Debug, Clone, Default)]
pub struct CreateRequest {
    /// Its name; without one it gets some.
    pub name: Option<String>,
    /// The machine that its image is to be for; without one, any.
    pub platform: Option<Platform>,
    /// What runs inside.
    pub config: Config,
    /// What it may use of the host.
    pub host_config: HostConfig,
    /// The networks that it joins.
    pub networking_config: NetworkingConfig,
}

/// A container that was created.
#[derive(Debug, Clone)]
pub struct Created {
    /// It.
    pub container: Container,
    /// What the one who asked should know.
    pub warnings: Vec<String>,
}

impl Engine {
    /// Creates a container, which does not run yet.
    ///
    /// # Errors
    /// `No such image`, a name that is taken, a request that makes no sense; nothing is left then.
    pub fn create(&self, request: CreateRequest) -> Result<Created> {
        let CreateRequest { name, platform, mut config, mut host_config, mut networking_config } =
            request;
        // As `inspect` tells it, a name begins with a slash.
        let name = name.map(|name| name.strip_prefix('/').unwrap_or(&name).to_owned());
        if let Some(name) = &name {
            check_name(name)?;
        }
        // Until the container is written down, its image and its volumes are needed by nobody else.
        let _busy = self.store.busy()?;
        let volumes = self.store.use_volumes()?;
        let image = ImageParts::find(self, &config.image, platform.as_ref())?;
        conflicts::check(&config, &host_config, &networking_config)?;
        merge::merge(&mut config, &image.config);
        if items(&config.entrypoint).is_empty() && items(&config.cmd).is_empty() {
            return Err(refuse(Kind::Invalid, "no command specified"));
        }
        check(&config, &host_config)?;
        name_capabilities(&mut host_config)?;
        self.check_runtime(&host_config.runtime)?;
        let mut warnings: Vec<String> = image.warning.into_iter().collect();
        warnings.extend(complete(&mut host_config, &mut networking_config));
        warnings.extend(networking::check(&host_config, &networking_config)?);
        let mut container = Container {
            id: random_id()?,
            name: match name {
                Some(name) => name,
                None => names::any()?,
            },
            created: Time::now(),
            image: image.id,
            mounts: Vec::new(),
            config,
            host_config,
            networking_config,
        };
        self.join_others(&mut container)?;
        self.find_linked(&mut container)?;
        let mut mounts = mounts::resolve(&self.store, &container.config, &container.host_config)?;
        container.mounts = std::mem::take(&mut mounts.points);
        self.store.add_container(&container)?;
        let made = mounts.make_own();
        // Whoever removes the container meanwhile has its lock, and waits for this one.
        drop(volumes);
        if let Err(error) = made.and_then(|()| self.fill_volumes(&container)) {
            cleanup::remove(&self.store, &container, Volumes::Remove)?;
            return Err(error);
        }
        Ok(Created { container, warnings })
    }

    /// `container:NAME` becomes `container:ID`: a name can be given to another. Who shares a
    /// network has the host name that is known in it.
    fn join_others(&self, container: &mut Container) -> Result<()> {
        let short_id = container.short_id().to_owned();
        let host = &mut container.host_config;
        let join = |mode: &mut String| -> Result<Option<Container>> {
            let Some(name) = mode.strip_prefix("container:") else { return Ok(None) };
            if name == container.name {
                let words = "cannot join own network, process or IPC namespace";
                return Err(refuse(Kind::Invalid, words));
            }
            let other = self.store.container(name)?;
            *mode = format!("container:{}", other.id);
            Ok(Some(other))
        };
        let in_network = join(&mut host.network_mode)?;
        join(&mut host.ipc_mode)?;
        join(&mut host.pid_mode)?;
        let config = &mut container.config;
        if let Some(other) = in_network {
            other.hostname().clone_into(&mut config.hostname);
            config.domainname = other.config.domainname;
        } else if host.network_mode == "host" && config.hostname.is_empty() {
            let names = rustix::system::uname();
            config.hostname = names.nodename().to_string_lossy().into_owned();
        } else if config.hostname.is_empty() {
            config.hostname = short_id;
        }
        Ok(())
    }

    /// All containers have the same runtime, which may be named.
    fn check_runtime(&self, named: &str) -> Result<()> {
        if named.is_empty() || named == self.runtime_name() {
            return Ok(());
        }
        let words = format!(
            "unknown or invalid runtime name: {named}: it is chosen for all containers by \
             'dok --runtime'"
        );
        Err(refuse(Kind::Invalid, words))
    }
}

/// Refuses a check by times that are too short to be meant, or of less than no tries.
fn check_health(config: &Config) -> Result<()> {
    const SHORTEST: i64 = 1_000_000;
    let Some(check) = &config.healthcheck else { return Ok(()) };
    for (name, nanos) in [
        ("Interval", check.interval),
        ("Timeout", check.timeout),
        ("StartPeriod", check.start_period),
        ("StartInterval", check.start_interval),
    ] {
        if nanos != 0 && nanos < SHORTEST {
            let words = format!("{name} in Healthcheck cannot be less than 1ms");
            return Err(refuse(Kind::Invalid, words));
        }
    }
    if check.retries < 0 {
        return Err(refuse(Kind::Invalid, "Retries in Healthcheck cannot be negative"));
    }
    Ok(())
}

/// Refuses what makes no sense: words that nobody knows and values that contradict each other, and
/// processors that this machine does not have. Also of an update.
pub(super) fn check(config: &Config, host: &HostConfig) -> Result<()> {
    restart::check(&host.restart_policy, host.auto_remove)?;
    check_health(config)?;
    match host.log_config.driver.as_str() {
        "" | "json-file" | LOCAL => drop(Limits::read(&host.log_config)?),
        "none" => {}
        other => {
            let words =
                format!("error looking up logging plugin {other}: plugin {other:?} not found");
            return Err(refuse(Kind::Invalid, words));
        }
    }
    capabilities::allowed(items(&host.cap_add), items(&host.cap_drop), false, u64::MAX)?;
    bundle::check_security(items(&host.security_opt))?;
    if !config.stop_signal.is_empty() {
        config.stop_signal.parse::<Signal>()?;
    }
    limits::check(host)?;
    if host.nano_cpus != 0 || !host.cpuset_cpus.is_empty() || !host.cpuset_mems.is_empty() {
        limits::check_machine(host, &super::host::machine())?;
    }
    if !config.working_dir.is_empty() && !config.working_dir.starts_with('/') {
        let words = format!(
            "the working directory '{}' is invalid, it needs to be an absolute path",
            config.working_dir
        );
        return Err(refuse(Kind::Invalid, words));
    }
    check_modes(host)
}

/// Namespaces by words that are not known, and what cannot be served.
fn check_modes(host: &HostConfig) -> Result<()> {
    let wrong = |flag: &str, mode: &str| {
        let name = flag.strip_suffix("ns").unwrap_or(flag).to_uppercase();
        Err(refuse(Kind::Invalid, format!("--{flag}: invalid {name} mode: {mode}")))
    };
    let joins = |mode: &str| mode.strip_prefix("container:").is_some_and(|name| !name.is_empty());
    match host.ipc_mode.as_str() {
        "" | "private" | "none" | "shareable" | "host" => {}
        mode if joins(mode) => {}
        mode => return wrong("ipc", mode),
    }
    match host.pid_mode.as_str() {
        "" | "host" => {}
        mode if joins(mode) => {}
        mode => return wrong("pid", mode),
    }
    if !matches!(host.uts_mode.as_str(), "" | "host") {
        return wrong("uts", &host.uts_mode);
    }
    if !matches!(host.userns_mode.as_str(), "" | "host") {
        return wrong("userns", &host.userns_mode);
    }
    if !matches!(host.cgroupns_mode.as_str(), "" | "host" | "private") {
        return wrong("cgroupns", &host.cgroupns_mode);
    }
    Ok(())
}

/// Whoever compares two containers need not know how a capability may be written.
fn name_capabilities(host: &mut HostConfig) -> Result<()> {
    for list in [&mut host.cap_add, &mut host.cap_drop].into_iter().flatten() {
        *list = capabilities::normal(list)?;
    }
    Ok(())
}

/// Says what was left open, as Docker does, so that `inspect` shows what is in force.
fn complete(host: &mut HostConfig, networks: &mut NetworkingConfig) -> Vec<String> {
    if matches!(host.network_mode.as_str(), "" | "default") {
        "bridge".clone_into(&mut host.network_mode);
    }
    let places = networks.endpoints_config.get_or_insert_default();
    if let Some(default) = places.remove("default") {
        places.insert("bridge".into(), default);
    }
    if !host.network_mode.starts_with("container:") {
        // That it is here says that it is connected to it.
        let first = places.entry(host.network_mode.clone()).or_default();
        if links::are_of_the_resolver(host) && host.links.is_some() {
            first.get_or_insert_default().links.clone_from(&host.links);
        }
    }
    for (mode, default) in [
        (&mut host.ipc_mode, "private"),
        (&mut host.log_config.driver, "json-file"),
        (&mut host.restart_policy.name, "no"),
    ] {
        if mode.is_empty() {
            default.clone_into(mode);
        }
    }
    if host.shm_size == 0 {
        host.shm_size = 64 << 20;
    }
    host.pids_limit = host.pids_limit.filter(|limit| *limit > 0);
    let mut warnings = Vec::new();
    if host.oom_kill_disable == Some(true) && host.memory == 0 {
        warnings.push(
            "OOM killer is disabled for the container, but no memory limit is set, this can \
             result in the system running out of resources."
                .to_owned(),
        );
    }
    if host.memory > 0 && host.memory_swap == 0 {
        host.memory_swap = host.memory.saturating_mul(2);
    }
    if host.memory > 0 && !crate::cgroup::limits_swap() {
        host.memory_swap = -1;
        warnings.push(
            "Your kernel does not support swap limit capabilities or the cgroup is not mounted. \
             Memory limited without swap."
                .to_owned(),
        );
    }
    warnings
}

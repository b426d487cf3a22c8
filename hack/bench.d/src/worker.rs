//! The process that starts the commands of one runtime and takes their time.
//!
//! Each lane has a worker of its own in a mount namespace of its own, so that every runtime is
//! started from the same place and a peer can be given the mounts it needs without its being
//! charged for them. The worker is small and has one thread: a command is started as by vfork, so
//! the cost of the start does not depend on the worker's size. `ru_maxrss` does: the kernel lets a
//! program inherit the peak of the memory that called exec. So a command is weighed in a run of
//! its own that starts from a copy of this process (which holds only its few private pages), and
//! `probe` in the report shows how much of a figure may still be the worker's.
//!
//! It adopts what its commands leave behind (it is a subreaper, as a container manager's shim is).
use crate::lane::{Batch, Cost, Order, Outcome};
use std::ffi::CString;
use std::io::{self, BufRead, Write};
use std::ptr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// One command may take this long, in seconds; a batch gets one more for every ten of its own.
const TIMEOUT: u32 = 30;
static LATE: AtomicBool = AtomicBool::new(false);

extern "C" fn note_late(_: libc::c_int) {
    LATE.store(true, Ordering::Relaxed);
}

/// A system call's result as an `io::Result`.
fn check(result: libc::c_int) -> io::Result<libc::c_int> {
    if result < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(result)
    }
}

/// Gives this process a mount namespace of its own whose changes stay in it.
pub fn own_mounts() -> io::Result<()> {
    // SAFETY: no pointers; the caller has one thread.
    check(unsafe { libc::unshare(libc::CLONE_NEWNS) })?;
    mount(None, "/", None, libc::MS_REC | libc::MS_PRIVATE)
}

/// mount(2) without data.
pub fn mount(from: Option<&str>, to: &str, kind: Option<&str>, flags: u64) -> io::Result<()> {
    let text = |words: &str| CString::new(words).map_err(io::Error::from);
    let (from, to, kind) = (
        from.map(text).transpose()?,
        text(to)?,
        kind.map(text).transpose()?,
    );
    let pointer = |text: &Option<CString>| text.as_ref().map_or(ptr::null(), |text| text.as_ptr());
    // SAFETY: the three strings live until the end of this function; no data is passed.
    let result = unsafe {
        libc::mount(
            pointer(&from),
            to.as_ptr(),
            pointer(&kind),
            flags,
            ptr::null(),
        )
    };
    check(result).map(drop)
}

/// crun refuses a host with both versions of cgroups; an empty tmpfs in the place of the second
/// one makes it see the first only.
fn hide_unified() -> io::Result<()> {
    mount(Some("none"), "/sys/fs/cgroup/unified", Some("tmpfs"), 0)
}

/// Opens /dev/null as standard input and output of the commands, and a file for their complaints.
struct Files {
    null: libc::c_int,
    complaints: libc::c_int,
}

impl Files {
    fn open() -> io::Result<Files> {
        // SAFETY: the path is a NUL-terminated literal.
        let null = unsafe { libc::open(c"/dev/null".as_ptr(), libc::O_RDWR | libc::O_CLOEXEC) };
        // SAFETY: the name is a NUL-terminated literal.
        let complaints = unsafe { libc::memfd_create(c"complaints".as_ptr(), libc::MFD_CLOEXEC) };
        Ok(Files {
            null: check(null)?,
            complaints: check(complaints)?,
        })
    }

    fn forget_complaints(&self) {
        // SAFETY: no pointers.
        unsafe { libc::ftruncate(self.complaints, 0) };
        // SAFETY: no pointers.
        unsafe { libc::lseek(self.complaints, 0, libc::SEEK_SET) };
    }

    /// The last lines of what the command said.
    fn complaints(&self) -> String {
        let mut text = [0u8; 2000];
        // SAFETY: the buffer is 2000 bytes and lives beyond the call.
        let size = unsafe { libc::pread(self.complaints, text.as_mut_ptr().cast(), text.len(), 0) };
        let text = String::from_utf8_lossy(&text[..size.max(0) as usize]).into_owned();
        let lines: Vec<_> = text.lines().rev().take(2).collect();
        lines.into_iter().rev().collect::<Vec<_>>().join("; ")
    }
}

/// Starts a program as posix_spawn does (no copy of this process is made).
fn spawn(files: &Files, argv: &[String]) -> io::Result<libc::pid_t> {
    let words: Vec<CString> = argv
        .iter()
        .map(|word| CString::new(word.as_str()))
        .collect::<Result<_, _>>()?;
    let mut pointers: Vec<_> = words.iter().map(|word| word.as_ptr().cast_mut()).collect();
    pointers.push(ptr::null_mut());
    let path = c"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    let environment = [path.as_ptr().cast_mut(), ptr::null_mut()];
    // SAFETY: all zeroes is a value of this C struct, and init below makes it a proper one.
    let mut actions: libc::posix_spawn_file_actions_t = unsafe { std::mem::zeroed() };
    // SAFETY: `actions` lives until destroy.
    unsafe { libc::posix_spawn_file_actions_init(&mut actions) };
    for (fd, number) in [(files.null, 0), (files.null, 1), (files.complaints, 2)] {
        // SAFETY: `actions` is initialised.
        unsafe { libc::posix_spawn_file_actions_adddup2(&mut actions, fd, number) };
    }
    let mut pid = 0;
    // SAFETY: both vectors end with a null pointer and outlive the call, as do their strings.
    let error = unsafe {
        libc::posix_spawnp(
            &mut pid,
            pointers[0],
            &actions,
            ptr::null(),
            pointers.as_ptr(),
            environment.as_ptr(),
        )
    };
    // SAFETY: `actions` is initialised and not used again.
    unsafe { libc::posix_spawn_file_actions_destroy(&mut actions) };
    if error == 0 {
        Ok(pid)
    } else {
        Err(io::Error::from_raw_os_error(error))
    }
}

/// Starts a program from a copy of this process.
fn spawn_copy(files: &Files, argv: &[String]) -> io::Result<libc::pid_t> {
    let words: Vec<CString> = argv
        .iter()
        .map(|word| CString::new(word.as_str()))
        .collect::<Result<_, _>>()?;
    let mut pointers: Vec<_> = words.iter().map(|word| word.as_ptr()).collect();
    pointers.push(ptr::null());
    // SAFETY: this process has one thread, so its copy may go on as if nothing had happened.
    let pid = check(unsafe { libc::fork() })?;
    if pid > 0 {
        return Ok(pid);
    }
    for (fd, number) in [(files.null, 0), (files.null, 1), (files.complaints, 2)] {
        // SAFETY: no pointers.
        unsafe { libc::dup2(fd, number) };
    }
    // SAFETY: the vector ends with a null pointer, its strings outlive the call.
    unsafe { libc::execvp(pointers[0], pointers.as_ptr()) };
    // SAFETY: no pointers; nothing of the worker's is to be done in its copy.
    unsafe { libc::_exit(127) }
}

/// One dead child.
struct Dead {
    pid: libc::pid_t,
    status: libc::c_int,
    usage: libc::rusage,
}

/// Waits for `pid`, or for any child with -1.
fn wait(pid: libc::pid_t) -> io::Result<Dead> {
    let mut status = 0;
    // SAFETY: all zeroes is a value of this C struct.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: both pointers are to locals.
    let pid = unsafe { libc::wait4(pid, &mut status, 0, &mut usage) };
    Ok(Dead {
        pid: check(pid)?,
        status,
        usage,
    })
}

fn cpu_ms(usage: &libc::rusage) -> f64 {
    let ms = |time: libc::timeval| time.tv_sec as f64 * 1e3 + time.tv_usec as f64 / 1e3;
    ms(usage.ru_utime) + ms(usage.ru_stime)
}

fn set_alarm(seconds: u32) {
    LATE.store(false, Ordering::Relaxed);
    // SAFETY: no pointers.
    unsafe { libc::alarm(seconds) };
}

fn kill(pid: libc::pid_t) {
    // SAFETY: no pointers; the process is a child of ours that was not waited for.
    unsafe { libc::kill(pid, libc::SIGKILL) };
}

/// Kills and reaps every child: those that were started and those that were adopted.
fn kill_children() {
    loop {
        let Ok(children) = std::fs::read_to_string("/proc/thread-self/children") else {
            return;
        };
        children
            .split_whitespace()
            .filter_map(|pid| pid.parse().ok())
            .for_each(kill);
        if wait(-1).is_err() {
            return;
        }
    }
}

fn how_it_ended(files: &Files, dead: &Dead) -> Result<(), String> {
    let status = dead.status;
    let how = if libc::WIFSIGNALED(status) {
        format!("killed by signal {}", libc::WTERMSIG(status))
    } else if libc::WEXITSTATUS(status) != 0 {
        format!("status {}", libc::WEXITSTATUS(status))
    } else {
        return Ok(());
    };
    Err(format!("{how}: {}", files.complaints()))
}

fn late() -> Outcome {
    kill_children();
    Err("took too long".to_owned())
}

fn run(files: &Files, argv: &[String], quiet: Duration) -> Outcome {
    files.forget_complaints();
    std::thread::sleep(quiet);
    set_alarm(TIMEOUT);
    let start = Instant::now();
    let pid = spawn(files, argv).map_err(|error| format!("{}: {error}", argv[0]))?;
    let Ok(dead) = wait(pid) else { return late() };
    let wall_ms = start.elapsed().as_secs_f64() * 1e3;
    set_alarm(0);
    how_it_ended(files, &dead)?;
    Ok(Cost {
        wall_ms,
        cpu_ms: cpu_ms(&dead.usage),
        peak_kib: 0,
    })
}

fn weigh(files: &Files, argv: &[String]) -> Outcome {
    files.forget_complaints();
    set_alarm(TIMEOUT);
    let pid = spawn_copy(files, argv).map_err(|error| format!("{}: {error}", argv[0]))?;
    let Ok(dead) = wait(pid) else { return late() };
    set_alarm(0);
    how_it_ended(files, &dead)?;
    Ok(Cost {
        peak_kib: dead.usage.ru_maxrss as u64,
        ..Cost::default()
    })
}

/// Runs a command for each number of a range, so many at a time.
fn run_batch(files: &Files, batch: &Batch) -> Outcome {
    files.forget_complaints();
    set_alarm(TIMEOUT + batch.count as u32 / 10);
    let start = Instant::now();
    let (mut running, mut next) = (Vec::new(), 0);
    let (mut failure, mut cpu, mut failures) = (String::new(), 0.0, 0);
    while next < batch.count || !running.is_empty() {
        if next < batch.count && running.len() < batch.parallel {
            let argv: Vec<_> = batch
                .argv
                .iter()
                .map(|word| word.replace("{n}", &next.to_string()))
                .collect();
            running.push(spawn(files, &argv).map_err(|error| format!("{}: {error}", argv[0]))?);
            next += 1;
            continue;
        }
        let Ok(dead) = wait(-1) else { return late() };
        if !running.contains(&dead.pid) {
            continue; // a container's first process, adopted
        }
        running.retain(|&pid| pid != dead.pid);
        cpu += cpu_ms(&dead.usage);
        if let Err(how) = how_it_ended(files, &dead) {
            failures += 1;
            failure = how;
        }
    }
    let wall_ms = start.elapsed().as_secs_f64() * 1e3;
    set_alarm(0);
    match failures {
        0 => Ok(Cost {
            wall_ms,
            cpu_ms: cpu,
            peak_kib: 0,
        }),
        _ => Err(format!("{failures} of {} failed, {failure}", batch.count)),
    }
}

/// Waits until every adopted process is gone.
fn drain() -> Outcome {
    set_alarm(TIMEOUT);
    while wait(-1).is_ok() {}
    if LATE.load(Ordering::Relaxed) {
        return late();
    }
    set_alarm(0);
    Ok(Cost::default())
}

fn prepare(hide: bool) -> io::Result<Files> {
    own_mounts()?;
    if hide {
        hide_unified()?;
    }
    // SAFETY: no pointers.
    check(unsafe { libc::prctl(libc::PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) })?;
    // SAFETY: all zeroes is a value of this C struct: no flags (so that wait is interrupted).
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    action.sa_sigaction = note_late as extern "C" fn(libc::c_int) as usize;
    // SAFETY: the handler only stores to an atomic.
    check(unsafe { libc::sigaction(libc::SIGALRM, &action, ptr::null_mut()) })?;
    Files::open()
}

/// Takes orders from standard input, one in each line, until it is closed.
pub fn serve(hide: bool) -> io::Result<()> {
    let files = prepare(hide)?;
    for line in io::stdin().lock().lines() {
        let outcome = match Order::parse(&line?) {
            Some(Order::Run { argv, quiet }) => run(&files, &argv, quiet),
            Some(Order::Weigh { argv }) => weigh(&files, &argv),
            Some(Order::Batch(batch)) => run_batch(&files, &batch),
            Some(Order::Drain) => drain(),
            Some(Order::Clear) => {
                kill_children();
                Ok(Cost::default())
            }
            None => Err("an order that is none".to_owned()),
        };
        let mut out = io::stdout().lock();
        writeln!(out, "{}", Cost::to_line(&outcome))?;
        out.flush()?;
    }
    kill_children();
    Ok(())
}

//! What a caller of dok had open without a word that it ends at execve(2): a lock, the end of a
//! pipe. It is not for a process that outlives the command.

use std::fs;
use std::io;

/// Closes all but the standard streams. Only before anything else is opened.
pub(super) fn close() -> io::Result<()> {
    let listed = fs::read_dir("/proc/self/fd")?;
    let numbers = listed.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<i32>().ok());
    for number in numbers.filter(|number| *number > 2).collect::<Vec<_>>() {
        // The list's own is closed by now.
        let _ = nix::unistd::close(number);
    }
    Ok(())
}

//! What limits can be set by on this machine.

use std::fs;
use std::path::Path;

use super::{ROOT, is_unified};

/// The controllers that there are.
#[derive(Debug)]
pub struct Controllers(Vec<String>);

impl Controllers {
    /// Asks the kernel for them.
    pub fn read() -> Controllers {
        let unified = fs::read_to_string(Path::new(ROOT).join("cgroup.controllers"));
        let names = match (is_unified(), unified) {
            (true, Ok(text)) => text.split_whitespace().map(str::to_owned).collect(),
            _ => {
                let folders = fs::read_dir(ROOT).into_iter().flatten().flatten();
                folders.filter_map(|entry| entry.file_name().into_string().ok()).collect()
            }
        };
        Controllers(names)
    }

    /// Whether one of this name is there.
    pub fn has(&self, name: &str) -> bool {
        self.0.iter().any(|own| own == name)
    }
}

/// Whether memory and swap can be limited together.
pub fn limits_swap() -> bool {
    is_unified() || Path::new(ROOT).join("memory/memory.memsw.limit_in_bytes").exists()
}

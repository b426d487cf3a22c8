//! `root` and `mounts`

use super::linux::IdMapping;
use super::object::{Str, object};

object! {
    /// config.md#root
    pub struct Root<'a> {
        path: Str<'a> = "path",
        readonly: bool = "readonly",
    }

    /// config.md#mounts
    pub struct Mount<'a> {
        destination: Str<'a> = "destination",
        kind: Str<'a> = "type",
        source: Str<'a> = "source",
        options: Vec<Str<'a>> = "options",
        uid_mappings: Vec<IdMapping> = "uidMappings",
        gid_mappings: Vec<IdMapping> = "gidMappings",
    }
}

//! Pure: `--mount KEY=VALUE,…`.

use crate::error::{Kind, Result, refuse};
use crate::model::Mount;

/// A mount in its long form.
///
/// # Errors
/// A key that is not known or does not fit, in Docker's words.
pub(super) fn mount(word: &str) -> Result<Mount> {
    let mut mount = Mount { kind: "volume".into(), ..Mount::default() };
    for field in word.split(',') {
        let (key, value) = field.split_once('=').unwrap_or((field, "true"));
        set(&mut mount, &key.to_ascii_lowercase(), value, word)?;
    }
    let wrong = |what: &str| {
        Err(refuse(
            Kind::Invalid,
            format!("invalid argument {word:?} for \"--mount\" flag: {what}"),
        ))
    };
    if mount.target.is_empty() {
        return wrong("target is required");
    }
    let foreign = match mount.kind.as_str() {
        "bind" => mount.volume_options.is_some() || mount.tmpfs_options.is_some(),
        "tmpfs" => mount.volume_options.is_some() || mount.bind_options.is_some(),
        _ => mount.bind_options.is_some() || mount.tmpfs_options.is_some(),
    };
    if foreign {
        return wrong(&format!("an option does not fit a mount of type '{}'", mount.kind));
    }
    Ok(mount)
}

fn set(mount: &mut Mount, key: &str, value: &str, word: &str) -> Result<()> {
    let wrong = |what: String| {
        let words = format!("invalid argument {word:?} for \"--mount\" flag: {what}");
        refuse(Kind::Invalid, words)
    };
    let flag = || match value {
        "1" | "true" => Ok(true),
        "0" | "false" => Ok(false),
        _ => Err(wrong(format!("invalid value for {key}: {value}"))),
    };
    match key {
        "type" if matches!(value, "bind" | "volume" | "tmpfs") => value.clone_into(&mut mount.kind),
        "source" | "src" => value.clone_into(&mut mount.source),
        "target" | "dst" | "destination" => value.clone_into(&mut mount.target),
        "readonly" | "ro" => mount.read_only = flag()?,
        "bind-propagation" => {
            value.clone_into(&mut mount.bind_options.get_or_insert_default().propagation);
        }
        "bind-create-src" => {
            mount.bind_options.get_or_insert_default().create_mountpoint = flag()?;
        }
        "bind-recursive" if matches!(value, "enabled" | "disabled") => {
            mount.bind_options.get_or_insert_default().non_recursive = value == "disabled";
        }
        "volume-nocopy" => mount.volume_options.get_or_insert_default().no_copy = flag()?,
        "volume-label" => {
            let (name, text) = value.split_once('=').unwrap_or((value, ""));
            let options = mount.volume_options.get_or_insert_default();
            options.labels.get_or_insert_default().insert(name.to_owned(), text.to_owned());
        }
        "tmpfs-size" => {
            let size = crate::cli::flags::bytes("mount", value)?;
            mount.tmpfs_options.get_or_insert_default().size_bytes = size;
        }
        "tmpfs-mode" => {
            let mode = u32::from_str_radix(value, 8)
                .map_err(|_| wrong(format!("invalid value for {key}: {value}")))?;
            mount.tmpfs_options.get_or_insert_default().mode = mode;
        }
        _ => return Err(wrong(format!("unexpected key '{key}' in '{key}={value}'"))),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_become_fields_or_are_refused() {
        let bind = mount("type=bind,src=/a,dst=/b,readonly").unwrap();
        assert_eq!((&*bind.kind, &*bind.source, &*bind.target), ("bind", "/a", "/b"));
        assert!(bind.read_only);
        let tmpfs = mount("type=tmpfs,target=/t,tmpfs-size=1m,tmpfs-mode=700").unwrap();
        let options = tmpfs.tmpfs_options.unwrap();
        assert_eq!((options.size_bytes, options.mode), (1 << 20, 0o700));
        for wrong in [
            "type=bind,src=/a",
            "type=disk,dst=/a",
            "dst=/a,colour=red",
            "type=tmpfs,dst=/a,volume-nocopy",
            "type=bind,src=/a,dst=/b,ro=maybe",
        ] {
            assert!(mount(wrong).is_err(), "{wrong}");
        }
    }
}

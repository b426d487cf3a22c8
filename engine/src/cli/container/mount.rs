//! Pure: `--mount KEY=VALUE,…`.

use crate::cli::flags::{bytes, invalid};
use crate::error::Result;
use crate::model::{self, BindOptions, Mount, TmpfsOptions, VolumeOptions};

/// A mount in its long form.
///
/// # Errors
/// A key that is not known or does not fit, in Docker's words.
pub(super) fn mount(word: &str) -> Result<Mount> {
    let wrong = |what: &str| Err(invalid("mount", word, what));
    let mut mount = Mount { kind: "volume".into(), ..Mount::default() };
    for field in fields(word).map_err(|what| invalid("mount", word, what))? {
        let field = field.as_str();
        let alone = matches!(field, "readonly" | "ro" | "volume-nocopy" | "bind-nonrecursive");
        let (key, value) = match field.split_once('=') {
            None if !alone => {
                return wrong(&format!("invalid field '{field}' must be a key=value pair"));
            }
            pair => pair.unwrap_or((field, "true")),
        };
        set(&mut mount, &key.to_ascii_lowercase(), value)
            .map_err(|what| invalid("mount", word, what))?;
    }
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
    let bind = mount.bind_options.clone().unwrap_or_default();
    if bind.read_only_non_recursive && !mount.read_only {
        return wrong("mount option 'bind-recursive=writable' requires 'readonly'");
    }
    if bind.read_only_force_recursive && !(mount.read_only && bind.propagation == "rprivate") {
        let words = "mount option 'bind-recursive=readonly' requires 'readonly' and \
                     'bind-propagation=rprivate'";
        return wrong(words);
    }
    Ok(mount)
}

/// The fields of one line of comma-separated values (RFC 4180).
fn fields(line: &str) -> Result<Vec<String>, &'static str> {
    let mut fields = Vec::new();
    let mut rest = line;
    loop {
        let (field, after) = match rest.strip_prefix('"') {
            Some(quoted) => quoted_field(quoted)?,
            None => bare_field(rest)?,
        };
        fields.push(field);
        match after.strip_prefix(',') {
            Some(next) => rest = next,
            None if after.is_empty() => return Ok(fields),
            None => return Err(UNBALANCED),
        }
    }
}

const UNBALANCED: &str = "extraneous or missing \" in quoted-field";

fn bare_field(text: &str) -> Result<(String, &str), &'static str> {
    let (field, after) = text.split_at(text.find(',').unwrap_or(text.len()));
    match field.contains('"') {
        true => Err("bare \" in non-quoted-field"),
        false => Ok((field.to_owned(), after)),
    }
}

/// What stands behind a quote, to the next one that is not doubled.
fn quoted_field(text: &str) -> Result<(String, &str), &'static str> {
    let mut field = String::new();
    let mut rest = text;
    loop {
        let (part, after) = rest.split_once('"').ok_or(UNBALANCED)?;
        field.push_str(part);
        match after.strip_prefix('"') {
            Some(next) => rest = next,
            None => return Ok((field, after)),
        }
        field.push('"');
    }
}

fn set(mount: &mut Mount, key: &str, value: &str) -> Result<(), String> {
    match key.split_once('-').map(|(kind, _)| kind) {
        Some("bind") => set_bind(mount.bind_options.get_or_insert_default(), key, value),
        Some("volume") => set_volume(mount.volume_options.get_or_insert_default(), key, value),
        Some("tmpfs") => set_tmpfs(mount.tmpfs_options.get_or_insert_default(), key, value),
        _ => set_own(mount, key, value),
    }
}

fn unknown(key: &str, value: &str) -> Result<(), String> {
    Err(format!("unexpected key '{key}' in '{key}={value}'"))
}

fn unfit(key: &str, value: &str) -> String {
    format!("invalid value for {key}: {value}")
}

fn truth(key: &str, value: &str) -> Result<bool, String> {
    model::truth(value).ok_or_else(|| unfit(key, value))
}

fn set_own(mount: &mut Mount, key: &str, value: &str) -> Result<(), String> {
    match key {
        "type" if matches!(value, "image" | "cluster" | "npipe") => {
            return Err(format!("a mount of type '{value}' is not supported"));
        }
        "type" if matches!(value, "bind" | "volume" | "tmpfs") => value.clone_into(&mut mount.kind),
        "type" => {
            return Err(format!("invalid mount config for type {value:?}: mount type unknown"));
        }
        "source" | "src" => value.clone_into(&mut mount.source),
        "target" | "dst" | "destination" => value.clone_into(&mut mount.target),
        "readonly" | "ro" => mount.read_only = truth(key, value)?,
        // A word for machines whose files are elsewhere.
        "consistency" if matches!(value, "consistent" | "cached" | "delegated" | "default") => {}
        _ => return unknown(key, value),
    }
    Ok(())
}

fn set_bind(options: &mut BindOptions, key: &str, value: &str) -> Result<(), String> {
    match (key, value) {
        ("bind-propagation", _) => value.clone_into(&mut options.propagation),
        ("bind-create-src", _) => options.create_mountpoint = truth(key, value)?,
        ("bind-nonrecursive", _) => options.non_recursive = truth(key, value)?,
        ("bind-recursive", "enabled") => options.non_recursive = false,
        ("bind-recursive", "disabled") => options.non_recursive = true,
        ("bind-recursive", "writable") => options.read_only_non_recursive = true,
        ("bind-recursive", "readonly") => options.read_only_force_recursive = true,
        ("bind-recursive", _) => return Err(unfit(key, value)),
        _ => return unknown(key, value),
    }
    Ok(())
}

fn set_volume(options: &mut VolumeOptions, key: &str, value: &str) -> Result<(), String> {
    match key {
        "volume-nocopy" => options.no_copy = truth(key, value)?,
        "volume-label" => {
            let (name, text) = value.split_once('=').unwrap_or((value, ""));
            options.labels.get_or_insert_default().insert(name.to_owned(), text.to_owned());
        }
        "volume-subpath" => value.clone_into(&mut options.subpath),
        "volume-driver" => {
            value.clone_into(&mut options.driver_config.get_or_insert_default().name);
        }
        "volume-opt" => {
            let (name, text) = value.split_once('=').unwrap_or((value, ""));
            let driver = options.driver_config.get_or_insert_default();
            driver.options.get_or_insert_default().insert(name.to_owned(), text.to_owned());
        }
        _ => return unknown(key, value),
    }
    Ok(())
}

fn set_tmpfs(options: &mut TmpfsOptions, key: &str, value: &str) -> Result<(), String> {
    match key {
        "tmpfs-size" => {
            options.size_bytes = bytes("mount", value).map_err(|_| unfit(key, value))?;
        }
        "tmpfs-mode" => {
            options.mode = u32::from_str_radix(value, 8).map_err(|_| unfit(key, value))?;
        }
        _ => return unknown(key, value),
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
        let part = mount("src=data,dst=/d,volume-subpath=a/b,consistency=cached").unwrap();
        assert_eq!(part.volume_options.unwrap().subpath, "a/b");
        let whole = "type=bind,src=/a,dst=/b,ro,bind-propagation=rprivate,bind-recursive=readonly";
        assert!(mount(whole).unwrap().bind_options.unwrap().read_only_force_recursive);
        let quoted = mount(r#"dst=/d,"volume-opt=o=a,b=""c""",volume-driver=local"#).unwrap();
        let driver = quoted.volume_options.unwrap().driver_config.unwrap();
        assert_eq!(driver.options.unwrap()["o"], r#"a,b="c""#);
        let tmpfs = mount("type=tmpfs,target=/t,tmpfs-size=1m,tmpfs-mode=700").unwrap();
        let options = tmpfs.tmpfs_options.unwrap();
        assert_eq!((options.size_bytes, options.mode), (1 << 20, 0o700));
        for wrong in [
            "type=bind,src=/a",
            "type=disk,dst=/a",
            "dst=/a,colour=red",
            "dst=/a,\"src=b",
            "dst=/a,\"src=b\"c",
            "dst=/a,src=\"b\"",
            "type=image,src=busybox,dst=/a",
            "type=bind,src=/a,dst=/b,bind-recursive=writable",
            "type=bind,src=/a,dst=/b,ro,bind-recursive=readonly",
            "dst=/a,consistency=loose",
            "type=tmpfs,dst=/a,volume-nocopy",
            "type=bind,src=/a,dst=/b,ro=maybe",
        ] {
            assert!(mount(wrong).is_err(), "{wrong}");
        }
    }
}

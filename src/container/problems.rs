//! `create --validate-only`: everything that is wrong with a bundle, and nothing is made.

use super::ContainerId;
use super::create::{ask_host, compile_filter, enter_bundle, plan_options};
use super::options::CreateOptions;
use crate::error::Result;
use crate::plan::{self, MountSource, Plan};
use crate::spec::Spec;
use crate::validate::{self, Problem};

/// Every problem that `create` could tell before it makes anything.
///
/// # Errors
/// A configuration that cannot be read; the host, if it cannot be asked.
pub fn problems(id: &ContainerId, options: &CreateOptions) -> Result<Vec<Problem>> {
    let text = enter_bundle(options)?;
    let mut spec = match Spec::read(&text) {
        Ok(spec) => spec,
        // What cannot be read hides what comes after it.
        Err(error) => return Ok(vec![Problem::of_words("config.md", &error.to_string())]),
    };
    let host = ask_host(&mut spec, options)?;
    let mut found = validate::problems(&spec, &host);
    let filter = compile_filter(&spec).unwrap_or_else(|error| {
        found.push(Problem::of_words("config-linux.md#seccomp", &error.to_string()));
        None
    });
    let has_filter = filter.is_some();
    let options = plan_options(id, options, filter);
    found.extend(plan::problems(&spec, &host, &options));
    if (has_filter || spec.linux.seccomp.is_none())
        && let Ok(plan) = plan::container(&spec, &host, &options)
    {
        found.extend(missing_files(&plan));
    }
    Ok(found)
}

/// What of the host is named and not there.
fn missing_files(plan: &Plan) -> Vec<Problem> {
    let mut found = Vec::new();
    if !plan.root.path.is_dir() {
        let words = format!("root.path: {} is no directory", plan.root.path.display());
        found.push(Problem::of_words("config.md#root", &words));
    }
    for (index, mount) in plan.mounts.iter().enumerate() {
        if let MountSource::Bind { from, .. } = &mount.what
            && !from.exists()
        {
            let words = format!("mounts[{index}].source: {} does not exist", from.display());
            found.push(Problem::of_words("config.md#mounts", &words));
        }
    }
    found
}

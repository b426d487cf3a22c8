//! Rules for hooks.

use super::{Found, Subject};
use crate::spec::Hook;

pub(super) fn paths_are_absolute(subject: &Subject<'_>, found: &mut Found) {
    each(subject, |field, hook| {
        if !hook.path.starts_with('/') {
            found.add(format!("{field}.path"), format!("{:?} is not absolute", hook.path));
        }
    });
}

pub(super) fn timeouts_are_positive(subject: &Subject<'_>, found: &mut Found) {
    each(subject, |field, hook| {
        if let Some(seconds @ ..=0) = hook.timeout {
            found.add(format!("{field}.timeout"), format!("{seconds} is not greater than zero"));
        }
    });
}

fn each(subject: &Subject<'_>, mut look: impl FnMut(String, &Hook<'_>)) {
    let hooks = &subject.spec.hooks;
    let lists = [
        ("prestart", &hooks.prestart),
        ("createRuntime", &hooks.create_runtime),
        ("createContainer", &hooks.create_container),
        ("startContainer", &hooks.start_container),
        ("poststart", &hooks.poststart),
        ("poststop", &hooks.poststop),
    ];
    for (name, list) in lists {
        for (index, hook) in list.iter().enumerate() {
            look(format!("hooks.{name}[{index}]"), hook);
        }
    }
}

//! The command line as runc's callers write it.

use std::fs;

use spec_tests::{Bundle, Container, Result, chapter, host, tests};

tests![
    an_option_has_its_value_after_an_equals_sign_or_a_space,
    a_long_option_may_have_one_dash,
    restore_takes_no_subreaper_with_one_dash,
    a_global_option_may_come_twice,
    an_option_of_a_command_may_come_twice,
    the_systemd_option_may_come_twice,
    an_unknown_command_fails,
    an_unknown_option_fails,
    usage_errors_exit_with_1,
    a_missing_id_fails,
    a_surplus_argument_fails,
    help_succeeds,
    every_command_has_help,
    restore_says_that_its_option_needs_an_argument,
    the_state_directory_is_private,
    a_relative_state_directory_is_used,
    a_working_directory_that_is_gone_keeps_nobody_from_a_container,
];

fn an_option_has_its_value_after_an_equals_sign_or_a_space() -> Result {
    chapter!("cli#create");
    let container = Bundle::busybox().sleeping().build()?;
    let (root, bundle) = (container.state_root(), container.bundle());
    let pid_file = container.directory().join("pid");
    let call = container.bare_call().arg(format!("--root={}", root.display())).arg("create");
    let call = call.arg(format!("--bundle={}", bundle.display()));
    call.arg(format!("--pid-file={}", pid_file.display())).arg(container.id()).run().ok()?;
    assert!(pid_file.exists());
    assert_eq!(container.status()?, "created");
    Ok(())
}

fn a_long_option_may_have_one_dash() -> Result {
    chapter!("cli#run");
    let container = Bundle::busybox().sleeping().build()?;
    let pid_file = container.directory().join("pid");
    let call = container.bare_call().arg("-root").arg(container.state_root());
    let call = call.args(["run", "-no-subreaper", "-detach", "-bundle"]).arg(container.bundle());
    let call = call.arg(format!("-pid-file={}", pid_file.display())).arg(container.id());
    call.streams("container").run().ok()?;
    assert!(pid_file.exists());
    container.call("delete").args(["-force", container.id()]).run().ok()?;
    container.left_no_trace()
}

/// Skips where the runtime has no such commands.
fn can_checkpoint(container: &Container) -> Result {
    let help = container.bare_call().arg("--help").run();
    host::needs(help.text().contains("checkpoint"), "the runtime does not checkpoint")
}

/// Demands a failure that is not about the command line.
fn fails_but_understands(container: &Container, words: &[&str]) -> Result {
    let output = container.call(words[0]).args(&words[1..]).run().fails()?;
    let text = output.text().to_lowercase();
    for complaint in ["usage", "not defined", "unexpected argument", "unrecognized", "unknown"] {
        assert!(!text.contains(complaint), "{output}");
    }
    Ok(())
}

fn restore_takes_no_subreaper_with_one_dash() -> Result {
    chapter!("cli#restore");
    let container = Bundle::busybox().build()?;
    can_checkpoint(&container)?;
    let bundle = container.bundle().to_string_lossy().into_owned();
    // There is nothing; a runtime may make what it is told of.
    let [image, work] = ["image", "work"]
        .map(|name| container.directory().join(name).to_string_lossy().into_owned());
    let words =
        ["restore", "--image-path", &image, "--work-path", &work, "--detach", "-no-subreaper"];
    let words = [&words[..], &["--bundle", &bundle, container.id()]].concat();
    fails_but_understands(&container, &words)?;
    container.left_no_trace()
}

fn a_global_option_may_come_twice() -> Result {
    chapter!("cli#create");
    let container = Bundle::busybox().build()?;
    let other = container.directory().join("other");
    let call = container.bare_call().arg("--root").arg(&other);
    let call = call.arg("--root").arg(container.state_root()).arg("create");
    call.arg("--bundle").arg(container.bundle()).arg(container.id()).run().ok()?;
    assert_eq!(container.status()?, "created");
    assert!(!other.exists());
    Ok(())
}

fn an_option_of_a_command_may_come_twice() -> Result {
    chapter!("cli#checkpoint");
    let container = Bundle::busybox().build()?;
    can_checkpoint(&container)?;
    let words = ["checkpoint", "--leave-running", "--leave-running", "--image-path", "x", "nobody"];
    fails_but_understands(&container, &words)?;
    container.call("delete").args(["--force", "--force", "nobody"]).run().ok()?;
    Ok(())
}

fn the_systemd_option_may_come_twice() -> Result {
    chapter!("cli#create");
    let container = Bundle::busybox().build()?;
    let root = container.state_root();
    let call = container.bare_call();
    let call = (0..2).fold(call, |call, _| call.arg("--root").arg(&root).arg("--systemd-cgroup"));
    let output = call.arg("--version").run().ok()?;
    assert!(output.stdout.contains(" version "), "{output}");
    Ok(())
}

fn an_unknown_command_fails() -> Result {
    chapter!("cli#commands");
    let container = Bundle::busybox().build()?;
    container.bare_call().arg("unheard-of").run().fails()?;
    Ok(())
}

const COMMANDS: [&str; 13] = [
    "create", "delete", "events", "exec", "kill", "list", "pause", "ps", "resume", "run", "start",
    "state", "update",
];

fn an_unknown_option_fails() -> Result {
    chapter!("cli#commands");
    let container = Bundle::busybox().build()?;
    container.bare_call().args(["--unheard-of", "list"]).run().fails()?;
    for command in COMMANDS {
        container.call(command).args(["--unheard-of", "nobody"]).run().fails()?;
    }
    Ok(())
}

fn usage_errors_exit_with_1() -> Result {
    chapter!("cli#commands");
    let container = Bundle::busybox().build()?;
    container.call("state").args(["--unheard-of", "nobody"]).run().exits(1)?;
    container.call("state").run().exits(1)?;
    container.call("start").args(["one", "two"]).run().exits(1)?;
    Ok(())
}

fn a_missing_id_fails() -> Result {
    chapter!("cli#commands");
    let container = Bundle::busybox().build()?;
    for command in COMMANDS.into_iter().filter(|command| *command != "list") {
        container.call(command).in_directory(&container.bundle()).run().fails()?;
    }
    container.left_no_trace()
}

fn a_surplus_argument_fails() -> Result {
    chapter!("cli#commands");
    let container = Bundle::busybox().create()?;
    for command in ["state", "start", "pause", "delete"] {
        container.call(command).args([container.id(), "surplus"]).run().fails()?;
    }
    assert_eq!(container.status()?, "created");
    Ok(())
}

fn help_succeeds() -> Result {
    chapter!("cli#help");
    let container = Bundle::busybox().build()?;
    for word in ["--help", "-h"] {
        let output = container.bare_call().arg(word).run().ok()?;
        assert!(output.stdout.contains("create") && output.stdout.contains("--root"), "{output}");
    }
    Ok(())
}

fn every_command_has_help() -> Result {
    chapter!("cli#help");
    let container = Bundle::busybox().build()?;
    let checkpoints = ["checkpoint", "restore"].into_iter();
    let checkpoints = checkpoints.filter(|_| can_checkpoint(&container).is_ok());
    for command in COMMANDS.into_iter().chain(["spec", "features"]).chain(checkpoints) {
        let output = container.bare_call().args([command, "--help"]).run().ok()?;
        assert!(output.stdout.contains(command), "{output}");
    }
    Ok(())
}

fn restore_says_that_its_option_needs_an_argument() -> Result {
    chapter!("cli#restore");
    let container = Bundle::busybox().build()?;
    can_checkpoint(&container)?;
    let call = container.bare_call().args(["restore", "--lsm-mount-context"]);
    call.run().fails_with("flag needs an argument")?;
    Ok(())
}

fn the_state_directory_is_private() -> Result {
    chapter!("cli#create");
    let container = Bundle::busybox().create()?;
    let mode = |path| {
        let metadata = fs::metadata(path)?;
        anyhow::Ok(std::os::unix::fs::MetadataExt::mode(&metadata) & 0o077)
    };
    assert_eq!(mode(container.state_root())?, 0);
    Ok(())
}

fn a_relative_state_directory_is_used() -> Result {
    chapter!("cli#create");
    let container = Bundle::busybox().build()?;
    let call = container.bare_call().args(["--root", "state", "create", "--bundle", "bundle"]);
    call.arg(container.id()).in_directory(container.directory()).run().ok()?;
    assert_eq!(container.status()?, "created");
    assert_eq!(container.state()?["bundle"], container.bundle().to_string_lossy().as_ref());
    Ok(())
}

/// A shell stays in a directory that somebody else removes.
fn a_working_directory_that_is_gone_keeps_nobody_from_a_container() -> Result {
    chapter!("cli#state");
    let container = Bundle::busybox().sleeping().build()?;
    container.create().ok()?;
    let gone = container.directory().join("gone");
    fs::create_dir(&gone)?;
    let script = format!("cd {gone} && rmdir {gone};", gone = gone.display());
    let call = |command: &str| container.call(command).after_shell(&script);
    assert!(call("state").arg(container.id()).run().ok()?.stdout.contains("created"));
    call("start").arg(container.id()).run().ok()?;
    call("exec").args([container.id(), "true"]).run().ok()?;
    call("delete").args(["--force", container.id()]).run().ok()?;
    container.left_no_trace()
}

//! `dok login`: shows a registry who we are, and remembers it.

use std::io::{self, BufRead, IsTerminal, Read, Write};
use std::process::ExitCode;

use clap::{Arg, ArgMatches, Command};

use super::flags::{is_set, switch, text, value};
use super::warning::warn;
use super::{Globals, complain, print};
use crate::error::{Context, Result, told};
use crate::image::reference::DEFAULT_REGISTRY;
use crate::registry::Credential;
use crate::service::Engine;

pub(super) fn definition() -> Command {
    Command::new("login")
        .about("Authenticate to a registry")
        .arg(Arg::new("server").value_name("SERVER"))
        .arg(value("username", "NAME", "Username").short('u'))
        .arg(value("password", "TEXT", "Password or Personal Access Token (PAT)").short('p'))
        .arg(
            switch("password-stdin", "Take the Password or Personal Access Token (PAT) from stdin")
                .conflicts_with("password"),
        )
}

pub(super) fn run(globals: &Globals, matches: &ArgMatches) -> Result<ExitCode> {
    let engine = globals.engine()?;
    let server = registry(matches.get_one::<String>("server"));
    let given = |name: &str| text(matches, name);
    let stdin = is_set(matches, "password-stdin");
    let says_who = stdin || given("username").is_some() || given("password").is_some();
    if !says_who && is_known(&engine, &server)? {
        print("Login Succeeded\n")?;
        return Ok(ExitCode::SUCCESS);
    }
    if given("password").is_some() {
        let warning = "WARNING! Using --password via the CLI is insecure. Use --password-stdin.";
        writeln!(io::stderr(), "{warning}")?;
    }
    let user = match given("username") {
        Some(user) => user,
        None if stdin => anyhow::bail!("Must provide --username with --password-stdin"),
        None => ask("Username: ")?,
    };
    let password = match given("password") {
        Some(password) => password,
        None if stdin => {
            let mut text = String::new();
            io::stdin().read_to_string(&mut text).context("read the password")?;
            text.trim_end_matches(['\n', '\r']).to_owned()
        }
        None => ask_silently("Password: ")?,
    };
    anyhow::ensure!(!user.is_empty(), "username is empty");
    anyhow::ensure!(!password.is_empty(), "password is empty");
    if engine.login(&server, &user, &password)? {
        let file = engine.registries.credentials().file().display().to_string();
        let text = format!(
            "\nWARNING! Your credentials are stored unencrypted in '{file}'.\n\
             Configure a credential helper to remove this warning. See\n\
             https://docs.docker.com/go/credential-store/\n\n"
        );
        io::stderr().write_all(text.as_bytes())?;
    }
    print("Login Succeeded\n")?;
    Ok(ExitCode::SUCCESS)
}

/// Whether the registry takes the name and the password that were kept before.
fn is_known(engine: &Engine, server: &str) -> Result<bool> {
    let known = engine.credential(server, &|event| warn(&event.status));
    let Some(Credential::Password { user, password }) = known else { return Ok(false) };
    let text = format!(
        "Authenticating with existing credentials... [Username: {user}]\n\n \
         Info -> To login with a different account, run 'dok logout' followed by 'dok login'\n\n\n"
    );
    io::stderr().write_all(text.as_bytes())?;
    let taken = engine.check_login(server, Credential::Password { user, password });
    if let Err(error) = &taken {
        complain(&format!("Login did not succeed, error: {}", told(error)));
    }
    Ok(taken.is_ok())
}

/// A registry as people write it, also as a URL.
pub(super) fn registry(typed: Option<&String>) -> String {
    let Some(typed) = typed else { return DEFAULT_REGISTRY.to_owned() };
    let host = typed.strip_prefix("https://").or_else(|| typed.strip_prefix("http://"));
    let host = host.unwrap_or(typed).split('/').next().unwrap_or(typed);
    match host {
        "index.docker.io" | "registry-1.docker.io" => DEFAULT_REGISTRY.to_owned(),
        host => host.to_owned(),
    }
}

fn ask(question: &str) -> Result<String> {
    anyhow::ensure!(
        io::stdin().is_terminal(),
        "Error: Cannot perform an interactive login from a non TTY device"
    );
    print(question)?;
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line).context("read the answer")?;
    Ok(line.trim_end_matches(['\n', '\r']).to_owned())
}

/// The answer is not shown.
fn ask_silently(question: &str) -> Result<String> {
    use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};
    anyhow::ensure!(
        io::stdin().is_terminal(),
        "cannot perform an interactive login from a non TTY device"
    );
    let before = tcgetattr(io::stdin()).context("look at the terminal")?;
    let mut silent = before.clone();
    silent.local_modes.remove(LocalModes::ECHO);
    tcsetattr(io::stdin(), OptionalActions::Now, &silent).context("silence the terminal")?;
    let answer = ask(question);
    tcsetattr(io::stdin(), OptionalActions::Now, &before).context("restore the terminal")?;
    print("\n")?;
    answer
}

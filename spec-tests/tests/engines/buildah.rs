//! buildah: a build with a runtime, and a command in a working container.

use std::fs;
use std::sync::Arc;

use spec_tests::runtime::Call;
use spec_tests::{Result, chapter, tests};

use crate::image;
use crate::place::{Place, runtime};
use crate::shared::Shared;

tests![a_build_runs_its_commands, a_command_runs_in_a_working_container];

static ENGINE: Shared<Buildah> = Shared::new();

/// Ends the place.
pub(crate) fn end() {
    ENGINE.end();
}

struct Buildah(Place);

impl Buildah {
    fn get() -> Result<Arc<Self>> {
        ENGINE.get(&["buildah"], || {
            let place = Place::empty(&[])?;
            image::write(place.path())?;
            let buildah = Self(place);
            buildah
                .buildah(["pull", &format!("docker-archive:{}", buildah.0.word("image.tar"))])
                .run()
                .ok()?;
            Ok(buildah)
        })
    }

    fn buildah<const N: usize>(&self, words: [&str; N]) -> Call {
        let call = self.0.call(["buildah", "--storage-driver", "vfs"]);
        let call = call.arg("--root").arg(self.0.word("data"));
        call.arg("--runroot").arg(self.0.word("state")).args(words)
    }

    /// The words that name the runtime and what it may use.
    fn by_runtime(call: Call) -> Result<Call> {
        let call = call.args(["--isolation", "oci", "--network", "none", "--runtime"]);
        Ok(call.arg(runtime()?))
    }
}

/// What any machine can give.
const LIMITS: [&str; 4] = ["--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024"];

fn a_build_runs_its_commands() -> Result {
    chapter!("engine#buildah");
    let engine = Buildah::get()?;
    let context = engine.0.path().join("context");
    fs::create_dir(&context)?;
    let steps = format!(
        "FROM {}\nRUN echo built >/made && id -u\nUSER guest\nRUN [ $(id -u) = 1000 ]\nRUN cat /made\n",
        image::NAME
    );
    fs::write(context.join("Dockerfile"), steps)?;
    let build = Buildah::by_runtime(engine.buildah(["bud", "--tag", "localhost/built"]))?;
    let output = build.args(LIMITS).arg(&context).run().ok()?;
    assert!(output.stdout.lines().any(|line| line == "built"), "{output}");
    fs::write(context.join("Dockerfile"), format!("FROM {}\nRUN exit 7\n", image::NAME))?;
    let build = Buildah::by_runtime(engine.buildah(["bud"]))?;
    build.args(LIMITS).arg(&context).run().fails_with("exit status 7")?;
    Ok(())
}

fn a_command_runs_in_a_working_container() -> Result {
    chapter!("engine#buildah");
    let engine = Buildah::get()?;
    let from = engine.buildah(["from", "--name", "working"]).args(LIMITS);
    from.arg(image::NAME).run().ok()?;
    let run = |words: &[&str]| -> Result<_> {
        let call = Buildah::by_runtime(engine.buildah(["run"]))?;
        Ok(call.args(["working", "--"]).args(words).run())
    };
    run(&["echo", "hello"])?.says("hello")?;
    run(&["sh", "-c", "exit 7"])?.fails()?;
    engine.buildah(["rm", "working"]).run().ok()?;
    Ok(())
}

//! The image. No test builds it; the steps that lead to its files are run, in an empty directory.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use invoked_tests::tools::{as_by_hand, daemon, root, target};

use crate::{deploy, run, said};

/// A line of the Dockerfile: `COPY . .` as `("COPY", ". .")`.
type Step = (String, String);

/// The steps of each stage, the first of which is its FROM.
fn stages() -> Vec<Vec<Step>> {
    let text = fs::read_to_string(deploy("Dockerfile")).expect("the Dockerfile");
    let kept: Vec<_> = text.lines().filter(|line| !line.starts_with('#')).collect();
    let text = kept.join("\n").replace("\\\n", " ");
    let mut stages = Vec::new();
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        let (word, rest) = line.split_once(' ').expect("arguments");
        if word == "FROM" {
            stages.push(Vec::new());
        }
        let stage = stages.last_mut().expect("FROM comes first");
        stage.push((word.to_owned(), rest.trim().to_owned()));
    }
    stages
}

#[test]
fn the_image_runs_as_a_user_without_rights_and_with_the_pinned_toolchain() {
    let stages = stages();
    let last = stages.last().expect("a stage");
    assert!(last.contains(&("USER".to_owned(), "65532:65532".to_owned())), "{last:?}");
    let toolchain =
        fs::read_to_string(root().join("rust-toolchain.toml")).expect("the toolchain file");
    let toolchain: toml::Table = toolchain.parse().expect("TOML");
    let channel = toolchain["toolchain"]["channel"].as_str().expect("a channel");
    let (_, from) = stages.first().and_then(|stage| stage.first()).expect("FROM");
    assert!(
        from.starts_with(&format!("rust:{channel}-")),
        "the image is built with another Rust than {channel}"
    );
}

/// What is copied into the image: the repository without what `.dockerignore` names. Files keep their age, so that cargo
/// takes what it has compiled of them already.
fn copy_context(into: &Path) {
    let mut tar = Command::new("tar");
    tar.args(["--create", "--format=posix", "--file=-", "--directory"]).arg(root());
    let ignored = fs::read_to_string(root().join(".dockerignore")).expect("a list");
    for line in ignored.lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
        let (kind, pattern) = match (line.strip_prefix('/'), line.strip_prefix("**/")) {
            (Some(path), _) => ("--anchored", format!("./{path}")),
            (None, Some(name)) => ("--no-anchored", name.to_owned()),
            (None, None) => {
                panic!(".dockerignore: {line} is of a kind that this test does not know")
            }
        };
        tar.args([kind.to_owned(), format!("--exclude={pattern}")]);
    }
    let mut packed = tar.arg(".").stdout(std::process::Stdio::piped()).spawn().expect("tar starts");
    let from = packed.stdout.take().expect("a pipe");
    let unpacked =
        Command::new("tar").args(["--extract", "--file=-"]).current_dir(into).stdin(from).status();
    assert!(unpacked.expect("tar starts").success() && packed.wait().expect("tar ends").success());
}

/// The packages are those that every test was compiled with: they are installed already.
fn are_prepared(command: &str) {
    let words = command.split(" && ").find_map(|part| part.strip_prefix("apt-get install "));
    let packages =
        words.expect("packages").split_whitespace().filter(|word| !word.starts_with('-'));
    let list = packages.map(|package| format!("{package:?}")).collect::<Vec<_>>().join(", ");
    let prepared = fs::read_to_string(root().join("xtask/src/prepare.rs")).expect("a program");
    assert!(prepared.contains(&format!("apt_install(&[{list}])")), "xtask installs others: {list}");
}

/// The profile that cargo builds into this directory.
fn profile_of(directory: &str) -> &str {
    if directory == "debug" { "dev" } else { directory }
}

/// The cache that a step mounts: what is compiled already, under the names that the step knows.
fn link_target(place: &Path, built: &str) {
    fs::create_dir(place).expect("none was copied");
    fs::create_dir_all(target().join(built)).expect("a directory");
    for name in BTreeSet::from([built, profile_of(built)]) {
        symlink(target().join(built), place.join(name)).expect("a link");
    }
}

/// Every file that cargo lists as a source of the program is among the copied ones. Those that a source includes from
/// elsewhere in the repository have an absolute path there, so cargo does not miss them itself.
fn were_copied(list: &Path, directory: &Path) {
    let list = fs::read_to_string(list).expect("cargo's list");
    let (_, sources) = list.split_once(": ").expect("sources");
    let mut seen = 0;
    for source in sources.split_whitespace().map(Path::new) {
        let copy = match (source.strip_prefix(directory), source.strip_prefix(root())) {
            (Ok(path), _) | (Err(_), Ok(path)) => directory.join(path),
            (Err(_), Err(_)) => continue,
        };
        assert!(copy.exists(), "{} is not copied into the image", source.display());
        seen += 1;
    }
    assert!(seen > 100, "{seen} sources");
}

fn mode(file: &Path) -> u32 {
    fs::metadata(file).expect("a file").permissions().mode() & 0o777
}

#[test]
fn the_steps_that_build_the_image_work_in_an_empty_directory() {
    // Instead of the profile that is shipped, which takes minutes, the one that the daemon under test has.
    let built = daemon().parent().and_then(Path::file_name).and_then(|name| name.to_str());
    let built = built.expect("a directory of cargo's");
    let profile = profile_of(built);

    // Within the target directory, because this one is of its kind: gigabytes, and to be thrown away.
    let image = target().join("image");
    if image.exists() {
        fs::remove_dir_all(&image).expect("an old one goes");
    }
    fs::create_dir_all(&image).expect("a directory");
    let inside = |path: &str| image.join(path.trim_start_matches('/'));

    let stages = stages();
    let [build, last] = stages.as_slice() else { panic!("{} stages", stages.len()) };
    let mut directory = PathBuf::new();
    let mut compiled = 0;
    for (word, rest) in build {
        match word.as_str() {
            "FROM" => {}
            "WORKDIR" => {
                directory = inside(rest);
                fs::create_dir_all(&directory).expect("a directory");
            }
            "COPY" => {
                assert_eq!(rest, ". .");
                copy_context(&directory);
                link_target(&directory.join("target"), built);
            }
            "ARG" => assert_eq!(rest, "PROFILE=dist"),
            "RUN" if rest.starts_with("apt-get update ") => are_prepared(rest),
            "RUN" => {
                let mut command = rest.as_str();
                while let Some(after) = command.strip_prefix("--mount=type=cache,") {
                    command = after.split_once(' ').expect("a command").1.trim_start();
                }
                let command = command.replace(" /out/", &format!(" {}/", inside("/out").display()));
                let output = as_by_hand(Command::new("sh"))
                    .args(["-ec", &command])
                    .current_dir(&directory)
                    .env("PROFILE", profile)
                    .env_remove("CARGO_TARGET_DIR")
                    .output()
                    .expect("a shell starts");
                assert!(output.status.success(), "{command}\n{}", said(&output));
                were_copied(&target().join(built).join("invoked.d"), &directory);
                compiled += 1;
            }
            other => panic!("{other} is a step that this test does not know"),
        }
    }
    assert_eq!(compiled, 1);
    judge_files(last, &image);
    fs::remove_dir_all(&image).expect("nothing is left");
}

/// What the last stage takes from the first is there, and runs.
fn judge_files(last: &[Step], image: &Path) {
    let copied = last.iter().filter(|(word, _)| word == "COPY");
    let copied: Vec<_> = copied
        .map(|(_, rest)| {
            let mut paths = rest.split_whitespace().filter(|word| word.starts_with('/'));
            let from = image
                .join(paths.next().expect("a file of the first stage").trim_start_matches('/'));
            assert!(from.exists(), "{} was not built", from.display());
            (from, paths.next().expect("a place"))
        })
        .collect();
    let [(program, at), (store, "/var/lib/invoked")] = copied.as_slice() else {
        panic!("{copied:?}")
    };
    assert_eq!((mode(program), mode(store)), (0o755, 0o700));
    let entry = last.iter().find(|(word, _)| word == "ENTRYPOINT");
    assert_eq!(entry.map(|(_, rest)| rest.as_str()), Some(format!("[\"{at}\"]").as_str()));
    let output = run(program, &["--version"]);
    assert!(output.status.success() && said(&output).starts_with("invoked "), "{}", said(&output));
}

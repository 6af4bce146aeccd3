//! The chart, as Helm renders it, before Kubernetes' schemas and before the daemon.

use std::fs;
use std::path::Path;
use std::process::Output;

use invoked_tests::tools::{daemon, deploy_python, helm};
use serde_json::Value;
use tempfile::TempDir;

use crate::{run, said, yaml};

const CHART: &str = "deploy/helm/invoked";

/// What the chart insists on.
const NEEDED: &str = "auth.ids={night},auth.existingSecret=keys,admin.existingSecret=admin";

/// Everything that the values can turn on, and everything that they can turn off.
const VARIANTS: [&str; 3] = [
    "image.tag=0.1.0",
    "serviceMonitor.enabled=true,storage.className=fast,service.type=LoadBalancer,admin.role=admin,\
     auth.ids={night,day},networkPolicy.from[0].namespaceSelector.matchLabels.team=night",
    "podDisruptionBudget.enabled=false,networkPolicy.enabled=false,resources=null",
];

/// The oldest Kubernetes that the chart names, and the newest that its Helm knows.
const VERSIONS: [&str; 2] = ["1.25", "1.35"];

fn render(version: &str, values: &str) -> Output {
    let version = format!("{version}.0");
    let words = ["template", "night", CHART, "--kube-version", &version];
    run(&helm(), &[&words[..], &["--set", NEEDED, "--set", values]].concat())
}

/// What the schemas say of the objects that the chart makes of `values`.
fn judge(version: &str, values: &str) -> Output {
    let rendered = render(version, values);
    assert!(rendered.status.success(), "{values}: {}", said(&rendered));
    let directory = TempDir::new().expect("a temporary directory");
    let place = directory.path().join("objects.yaml");
    fs::write(&place, &rendered.stdout).expect("a file");
    let place = place.to_str().expect("a UTF-8 path");
    run(&deploy_python(), &["tests/deploy/validate.py", version, place])
}

#[test]
fn helm_takes_the_chart_and_refuses_values_that_leave_the_daemon_open() {
    for values in VARIANTS {
        let good = run(&helm(), &["lint", "--strict", CHART, "--set", NEEDED, "--set", values]);
        assert!(good.status.success(), "{values}: {}", said(&good));
    }
    for (bad, named) in [
        ("auth.ids={}", "/auth/ids"),
        ("admin.existingSecret=", "/admin/existingSecret"),
        ("replicas=2", "replicas"),
    ] {
        let output = run(&helm(), &["lint", CHART, "--set", NEEDED, "--set", bad]);
        assert!(
            !output.status.success() && said(&output).contains(named),
            "{bad}: {}",
            said(&output)
        );
    }
}

#[test]
fn kubernetes_knows_every_field_of_every_object() {
    let of = |values, version| {
        let output = judge(version, values);
        assert!(output.status.success(), "{version}, {values}: {}", said(&output));
        let text = String::from_utf8(output.stdout).expect("UTF-8");
        assert!(text.lines().all(|line| line.ends_with(": ok")), "{text}");
        text.lines().count()
    };
    for version in VERSIONS {
        let objects = VARIANTS.map(|values| of(values, version));
        assert_eq!(objects, [5, 6, 3]);
    }
}

/// These values are open on purpose: the chart hands them on, so that only Kubernetes can tell.
#[test]
fn a_field_that_kubernetes_does_not_know_is_found() {
    for (values, named) in [
        ("resources.limitz.memory=1Gi", "limitz"),
        ("networkPolicy.from[0].podSelektor.a=b", "podSelektor"),
        ("networkPolicy.from[0].podSelector.matchLabels=b", "matchLabels"),
        ("serviceMonitor.enabled=true,serviceMonitor.interval=soon", "interval"),
    ] {
        let output = judge("1.30", values);
        assert!(
            !output.status.success() && said(&output).contains(named),
            "{values}: {}",
            said(&output)
        );
    }
}

#[test]
fn the_daemon_takes_the_configuration_that_the_chart_writes() {
    let output = render("1.30", "serviceMonitor.enabled=true");
    assert!(output.status.success(), "{}", said(&output));
    let directory = TempDir::new().expect("a temporary directory");
    let place = |name: &str| directory.path().join(name).to_str().expect("a UTF-8 path").to_owned();
    fs::write(place("objects.yaml"), &output.stdout).expect("a file");
    let objects = yaml(Path::new(&place("objects.yaml")));
    let of_kind = |kind: &str| {
        let mut found =
            objects.as_array().into_iter().flatten().filter(|object| object["kind"] == kind);
        let object: &Value = found.next().unwrap_or_else(|| panic!("no {kind}"));
        assert!(found.next().is_none(), "more than one {kind}");
        object
    };
    for kind in ["NetworkPolicy", "PodDisruptionBudget", "Service", "ServiceMonitor"] {
        of_kind(kind);
    }
    assert_eq!(of_kind("StatefulSet")["spec"]["replicas"], 1, "one process owns a store");

    fs::write(place("secret"), "a-secret-of-23-letters.").expect("a file");
    let data = &of_kind("ConfigMap")["data"];
    let mut words = vec!["config".to_owned(), "check".to_owned()];
    for file in ["invoked.toml", "chart.toml"] {
        let text = data[file].as_str().expect("a text");
        let text = text.replace("/run/secrets/invoked/admin/token", &place("secret"));
        let text = text.replace("/run/secrets/invoked/keys/night", &place("secret"));
        fs::write(place(file), text).expect("a file");
        words.extend(["--config".to_owned(), place(file)]);
    }
    let words: Vec<_> = words.iter().map(String::as_str).collect();
    let output = run(daemon(), &words);
    assert!(output.status.success(), "{}", said(&output));
}

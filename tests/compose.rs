//! `docker-compose.yml` and the Dockerfiles against what is real: the tool that reads them, the binaries' options, the settings'
//! ports and addresses, the files that are mounted. `watch` runs the same commands on loopback.

#[path = "compose/file.rs"]
mod file;

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;
use tollgate::config::{self, Carrier, Settings};

use file::{Compose, root, texts, yaml};

const SETTINGS: &str = "/etc/tollgate/tollgate.toml";

#[test]
fn docker_compose_reads_the_file() {
    let shown =
        output(Command::new("docker-compose").args(["--profile", "load", "config"]).current_dir(root()));
    for service in Compose::read().services() {
        assert!(shown.contains(&format!("\n  {service}:\n")), "{service} is lost:\n{shown}");
    }
}

#[test]
fn what_is_mounted_exists() {
    let compose = Compose::read();
    for service in compose.services() {
        for mount in compose.mounts(service) {
            assert!(mount.host.exists(), "{service}: no {}", mount.host.display());
        }
        for volume in texts(&compose.service(service)["volumes"]) {
            let name = volume.split(':').next().unwrap_or_default();
            let declared = compose.part("volumes").get(name).is_some();
            assert!(
                name.starts_with("./") || name.starts_with('/') || declared,
                "{service}: the volume {name} is not declared"
            );
        }
        if let Some(folder) = compose.service(service)["build"].as_str() {
            assert!(root().join(folder).join("Dockerfile").exists(), "{service}: no Dockerfile in {folder}");
        }
    }
}

#[test]
fn the_gate_takes_its_commands() {
    let compose = Compose::read();
    let image = Dockerfile::read("Dockerfile");
    assert_eq!(image.list("ENTRYPOINT"), ["tollgate"]);
    for command in [compose.command("tollgate"), image.list("CMD")] {
        let help = output(tollgate().args([&command[0], "--help"]));
        for option in command.iter().filter(|word| word.starts_with("--")) {
            assert!(
                help.contains(&format!("{option} <")),
                "{option} is no option of {}:\n{help}",
                command[0]
            );
        }
        assert!(command.contains(&SETTINGS.to_owned()), "{command:?}");
    }
    let settings = compose.on_host("tollgate", SETTINGS).expect("the settings are mounted");
    let said = output(tollgate().arg("check").arg("--config").arg(settings));
    assert!(!said.contains("warning"), "{said}");
}

#[test]
fn published_ports_are_those_of_the_settings() {
    let compose = Compose::read();
    let settings = settings(&compose);
    let mut ports: Vec<String> = settings
        .listeners
        .iter()
        .map(|listener| match listener.carrier {
            Carrier::Udp => format!("{}/udp", listener.address.port()),
            Carrier::Tcp | Carrier::Tls => format!("{}/tcp", listener.address.port()),
        })
        .chain([format!("{}/tcp", http(&settings).port())])
        .collect();
    ports.sort();
    assert_eq!(compose.ports("tollgate"), ports);
    let mut exposed: Vec<String> =
        Dockerfile::read("Dockerfile").words("EXPOSE").split(' ').map(str::to_owned).collect();
    exposed.sort();
    assert_eq!(exposed, ports);
}

#[test]
fn everybody_stands_where_the_settings_say() {
    let compose = Compose::read();
    let settings = settings(&compose);
    let gate = compose.address("tollgate");
    for listener in &settings.listeners {
        assert_eq!(listener.address.ip().to_string(), gate);
    }
    let trunk = settings.trunks[0].addresses[0].fixed().expect("an address");
    assert_eq!(trunk.ip().to_string(), compose.address("trunk"));
    assert_eq!(own_address(&compose.command("trunk")), trunk.to_string());

    let load = compose.command("load");
    assert_eq!(load[0], settings.listeners[0].address.to_string());
    assert!(own_address(&load).starts_with(&compose.address("load")));
    let peer = settings.peer(compose.address("load").parse().expect("an address")).expect("a known peer");
    assert!(peer.trusted, "the load is a PBX whose word counts");
    assert_eq!(texts(&compose.service("load")["profiles"]), ["load"]);
    for (service, option) in [("trunk", "-sf"), ("load", "-sf"), ("load", "-inf")] {
        let path = after(&compose.command(service), option);
        assert!(compose.on_host(service, &path).is_some_and(|file| file.is_file()), "{service}: {path}");
    }
}

#[test]
fn health_checks_ask_what_there_is() {
    let compose = Compose::read();
    let url = format!("http://127.0.0.1:{}/healthz", http(&settings(&compose)).port());
    let test = texts(&compose.service("tollgate")["healthcheck"]["test"]);
    assert_eq!(test.last(), Some(&url));
    let image = Dockerfile::read("Dockerfile");
    let check = image.words("HEALTHCHECK");
    assert!(check.contains(&format!("\"{url}\"")), "{check}");
    assert!(image.text.contains(&format!("--no-install-recommends {}", test[1])), "{} is installed", test[1]);
    for service in ["prometheus", "grafana"] {
        let test = texts(&compose.service(service)["healthcheck"]["test"]);
        let port = compose.ports(service)[0].replace("/tcp", "");
        assert!(
            test.last().is_some_and(|url| url.starts_with(&format!("http://127.0.0.1:{port}/"))),
            "{test:?}"
        );
    }
}

#[test]
fn prometheus_scrapes_the_gate_and_grafana_asks_prometheus() {
    let compose = Compose::read();
    let help = output(Command::new("prometheus").arg("--help"));
    for option in compose.command("prometheus") {
        let name = option.split('=').next().unwrap_or_default();
        assert!(help.contains(&format!("{name}=")), "{name} is no option of Prometheus");
    }
    let scrape = yaml("deploy/prometheus/prometheus.yml");
    let target = scrape["scrape_configs"][0]["static_configs"][0]["targets"][0].as_str();
    assert_eq!(target, Some(&*format!("tollgate:{}", http(&settings(&compose)).port())));

    let source = yaml("deploy/grafana/provisioning/datasources/prometheus.yml");
    let port = compose.ports("prometheus")[0].replace("/tcp", "");
    assert_eq!(source["datasources"][0]["url"].as_str(), Some(&*format!("http://prometheus:{port}")));
    let provider = yaml("deploy/grafana/provisioning/dashboards/tollgate.yml");
    let folder = provider["providers"][0]["options"]["path"].as_str().expect("a folder of boards");
    let home = &compose.service("grafana")["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"];
    let home = home.as_str().expect("a first board");
    assert!(home.starts_with(folder));
    let board = compose.on_host("grafana", home).expect("the board is mounted");
    let board: Value = serde_json::from_str(&fs::read_to_string(board).expect("the board")).expect("JSON");
    let named = |panel: &Value| {
        panel["type"] == "row" || panel["datasource"]["uid"] == source["datasources"][0]["uid"]
    };
    assert!(board["panels"].as_array().is_some_and(|panels| panels.iter().all(named)));
}

/// No engine is at hand: what the first step copies is copied here, and cargo must find every target that it declares.
#[test]
fn the_image_is_built_of_what_the_build_needs() {
    let image = Dockerfile::read("Dockerfile");
    assert!(image.text.contains("COPY . .\n"), "the build copies what .dockerignore leaves");
    let ignored = fs::read_to_string(root().join(".dockerignore")).expect(".dockerignore");
    let ignored: Vec<&str> = ignored.lines().filter(|line| !line.starts_with('#')).collect();
    let copy = TempDir::with_prefix("tollgate-image-").expect("a scratch folder");
    for entry in fs::read_dir(root()).expect("this repository").flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if !ignored.iter().any(|pattern| matches(pattern, &name)) {
            copy_all(&entry.path(), &copy.path().join(&name));
        }
    }
    let metadata = ["metadata", "--locked", "--offline", "--no-deps", "--format-version", "1"];
    let shown = output(Command::new(env!("CARGO")).args(metadata).current_dir(copy.path()));
    let shown: Value = serde_json::from_str(&shown).expect("JSON");
    let binaries = shown["packages"][0]["targets"].as_array().expect("targets").iter();
    assert!(binaries.filter(|target| target["kind"][0] == "bin").any(|target| target["name"] == "tollgate"));
    for part in ["src", "config", "Cargo.lock"] {
        assert!(copy.path().join(part).exists(), "{part} is built in");
    }
    assert!(image.text.contains("cargo build --release --locked --bin tollgate\n"));
    assert!(image.text.contains("/target/release/tollgate /usr/local/bin/tollgate\n"));
}

#[test]
fn images_are_debian_12_and_nobody_is_root() {
    for path in ["Dockerfile", "deploy/sipp/Dockerfile"] {
        let image = Dockerfile::read(path);
        for base in image.text.lines().filter_map(|line| line.strip_prefix("FROM ")) {
            assert!(base.contains("debian:12") || base.contains("bookworm"), "{path}: {base}");
        }
        let user = image.words("USER");
        assert!(image.text.contains(&format!(" --create-home {user}\n")), "{path}: {user} is not made");
        assert_ne!(user, "root", "{path}");
    }
}

struct Dockerfile {
    text: String,
}

impl Dockerfile {
    /// Lines that go on are joined.
    fn read(path: &str) -> Dockerfile {
        let text = fs::read_to_string(root().join(path)).unwrap_or_else(|fault| panic!("{path}: {fault}"));
        Dockerfile { text: text.replace("\\\n", "") }
    }

    /// What follows an instruction, the last of its name.
    fn words(&self, instruction: &str) -> &str {
        let mut found = self.text.lines().filter_map(|line| line.strip_prefix(instruction));
        found.next_back().unwrap_or_else(|| panic!("no {instruction}")).trim()
    }

    fn list(&self, instruction: &str) -> Vec<String> {
        serde_json::from_str(self.words(instruction)).expect("the exec form")
    }
}

fn settings(compose: &Compose) -> Settings {
    let path = compose.on_host("tollgate", SETTINGS).expect("the settings are mounted");
    config::load_settings(&path).unwrap_or_else(|problems| panic!("{problems:#?}"))
}

fn http(settings: &Settings) -> SocketAddr {
    settings.http.address.expect("the settings serve HTTP")
}

/// SIPp's own address.
fn own_address(command: &[String]) -> String {
    format!("{}:{}", after(command, "-i"), after(command, "-p"))
}

fn after(command: &[String], option: &str) -> String {
    let at = command.iter().position(|word| word == option).unwrap_or_else(|| panic!("no {option}"));
    command[at + 1].clone()
}

fn tollgate() -> Command {
    Command::new(env!("CARGO_BIN_EXE_tollgate"))
}

fn output(command: &mut Command) -> String {
    let output =
        command.output().unwrap_or_else(|fault| panic!("{command:?}: {fault}; tests/all installs it"));
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{command:?}: {}{}", text(&output.stdout), text(&output.stderr));
    // Prometheus prints its help to standard error.
    text(&output.stdout) + &text(&output.stderr)
}

/// One line of .dockerignore against a name at the top; a star stands at the beginning or the end.
fn matches(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        Some((start, end)) => name.starts_with(start) && name.ends_with(end.trim_matches('*')),
        None => pattern == name,
    }
}

fn copy_all(from: &Path, to: &Path) {
    if from.is_dir() {
        fs::create_dir_all(to).expect("a folder can be made");
        for entry in fs::read_dir(from).expect("a folder can be read").flatten() {
            copy_all(&entry.path(), &to.join(entry.file_name()));
        }
    } else {
        fs::copy(from, to).expect("a file can be copied");
    }
}

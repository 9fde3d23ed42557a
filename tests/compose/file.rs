//! `docker-compose.yml` as a value: what each service runs, mounts, publishes and where it stands.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

pub struct Compose(Value);

/// A file or folder of this repository, as a container sees it.
pub struct Mount {
    pub host: PathBuf,
    pub container: String,
}

pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A YAML file of this repository.
pub fn yaml(path: &str) -> Value {
    let text = fs::read_to_string(root().join(path)).unwrap_or_else(|fault| panic!("{path}: {fault}"));
    serde_saphyr::from_str(&text).unwrap_or_else(|fault| panic!("{path}: {fault}"))
}

/// The texts of a list, or none.
pub fn texts(list: &Value) -> Vec<String> {
    let texts = list.as_array().into_iter().flatten();
    texts.map(|text| text.as_str().unwrap_or_else(|| panic!("{text} is no text")).to_owned()).collect()
}

impl Compose {
    pub fn read() -> Compose {
        Compose(yaml("docker-compose.yml"))
    }

    pub fn part(&self, name: &str) -> &Value {
        &self.0[name]
    }

    pub fn service(&self, name: &str) -> &Value {
        let service = &self.0["services"][name];
        assert!(service.is_object(), "no service {name}");
        service
    }

    pub fn services(&self) -> Vec<&str> {
        self.0["services"].as_object().into_iter().flatten().map(|(name, _)| name.as_str()).collect()
    }

    pub fn command(&self, service: &str) -> Vec<String> {
        texts(&self.service(service)["command"])
    }

    /// Where the service stands in the network.
    pub fn address(&self, service: &str) -> String {
        let address = &self.service(service)["networks"]["telephony"]["ipv4_address"];
        address.as_str().unwrap_or_else(|| panic!("{service} has no address of its own")).to_owned()
    }

    /// Published ports, as `port/transport` of the container.
    pub fn ports(&self, service: &str) -> Vec<String> {
        let published = texts(&self.service(service)["ports"]);
        let inside = |port: &String| port.rsplit(':').next().unwrap_or_default().to_owned();
        let mut ports: Vec<String> = published.iter().map(inside).collect();
        ports.sort();
        ports
    }

    /// Files and folders of the repository that the service sees.
    pub fn mounts(&self, service: &str) -> Vec<Mount> {
        let volumes = texts(&self.service(service)["volumes"]);
        let bind = |volume: &String| {
            let (host, container) = volume.split_once(':')?;
            let container = container.trim_end_matches(":ro").to_owned();
            host.starts_with("./").then(|| Mount { host: root().join(host), container })
        };
        volumes.iter().filter_map(bind).collect()
    }

    /// The file behind a path inside a container.
    pub fn on_host(&self, service: &str, path: &str) -> Option<PathBuf> {
        self.mounts(service).into_iter().find_map(|mount| {
            let rest = path.strip_prefix(&mount.container)?.trim_start_matches('/');
            Some(mount.host.join(rest))
        })
    }
}

//! A system that speaks TLS: nginx in front of services, all with certificates of the lab's own authority.

use crate::scenario::{Played, check, start};
use proofload_history::{Clock, Recorder, RunDir};
use proofload_lab::{Lab, stage};
use std::error::Error;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::ExitCode;

/// nginx in front of two services that keep journals, and a client with a link to nginx.
const SECURE: &str = r#"
format = 1
name = "secure"
title = "nginx in front of two services, all by TLS"
entry = { host = "nginx", port = 8443 }

[component.nginx]
kind = "nginx"
template = "nginx.conf"
listen = 8443
tls = true
needs = ["service"]
[process.service]
command = ["inside", "serve"]
replicas = 2
tls = true
ready = { http = "/health", port = 8080 }
env = { LISTEN = "0.0.0.0:8080", NAME = "{instance}", CERTIFICATE = "{certificate}", CERTIFICATE_KEY = "{certificate_key}" }
[process.client]
command = ["inside", "serve"]
needs = ["nginx"]
ready = { http = "/health", port = 8080 }
env = { LISTEN = "0.0.0.0:8080", DOOR = "{link:nginx}", CA = "{ca}" }

[stage."service.done"]
title = "in a service's own journal"
http = "/journal"
process = "service"
port = 8080
where = { pointer = "/state", equals = "DONE" }
id = "/id"
"#;

/// nginx listens with TLS only, and verifies the services behind it.
const NGINX: &str = "pid {dir}/pid; events {} http { access_log off; \
    client_body_temp_path {dir}/a; proxy_temp_path {dir}/b; fastcgi_temp_path {dir}/c; uwsgi_temp_path {dir}/d; \
    scgi_temp_path {dir}/e; upstream services { {servers:service:8080} } \
    server { listen {listen} ssl; ssl_certificate {certificate}; ssl_certificate_key {certificate_key}; \
    location / { proxy_pass https://services; proxy_ssl_verify on; proxy_ssl_trusted_certificate {ca}; \
    proxy_ssl_name service; } } }";

pub(crate) async fn secure(folder: &Path) -> Played {
    std::fs::write(folder.join("nginx.conf"), NGINX)?;
    let lab = start(folder, SECURE).await?;
    let ca = lab.ca().ok_or("no authority")?;
    verified(&lab, ca).await?;
    keys_are_secret(ca)?;
    for instance in lab.instances() {
        lab.probe(&instance.name).await?;
    }
    let links = lab.links("client", "nginx");
    let [link] = links.as_slice() else { return Err(format!("links: {links:?}").into()) };
    lab.probe_link(link).await?;
    journals(&lab, folder).await?;
    lab.kill("nginx").await?;
    check(lab.probe("nginx").await.is_err(), || "killed, and it answers".to_owned())?;
    lab.start_again("nginx", true).await?;
    verified(&lab, ca).await?;
    lab.stop().await;
    Ok(ExitCode::SUCCESS)
}

/// A client that trusts the lab's authority is answered, by name and by address. One that does not believes nobody, and
/// neither does the first believe in a name that was not signed.
async fn verified(lab: &Lab, ca: &Path) -> Result<(), Box<dyn Error>> {
    let root = reqwest::Certificate::from_pem(&std::fs::read(ca)?)?;
    let client = || reqwest::Client::builder().no_proxy();
    let door = SocketAddr::from((lab.address("nginx").ok_or("no address")?, 8443));
    let trusting = client().tls_certs_only([root]).resolve("somebody-else", door).build()?;
    let entry = lab.entry_url()?;
    check(entry == format!("https://{door}"), || format!("the entry is {entry}"))?;
    for url in [&*entry, "https://nginx:8443"] {
        let answer = trusting.get(format!("{url}/health")).send().await?;
        check(answer.status() == 200 && answer.text().await? == "up", || format!("another answer by {url}"))?;
    }
    let stranger = client().tls_certs_only([]).build()?;
    for (client, url) in [(&stranger, &*entry), (&trusting, "https://somebody-else:8443")] {
        let refused = client.get(format!("{url}/health")).send().await.err().ok_or("it was believed")?;
        check(format!("{refused:?}").contains("InvalidCertificate"), || format!("by {url}: {refused:?}"))?;
    }
    Ok(())
}

fn keys_are_secret(ca: &Path) -> Result<(), Box<dyn Error>> {
    let folder = ca.parent().ok_or("no folder")?;
    for name in ["nginx", "service-1", "service-2"] {
        let mode = folder.join(format!("{name}.key")).metadata()?.permissions().mode() & 0o777;
        check(mode == 0o600, || format!("the key of {name} has mode {mode:o}"))?;
    }
    check(!folder.join("client.key").exists(), || "a key for whoever needs none".to_owned())
}

/// Each service's journal is a log of its own, read by TLS.
async fn journals(lab: &Lab, folder: &Path) -> Result<(), Box<dyn Error>> {
    let run = RunDir::at(folder.join("reading"));
    std::fs::create_dir(run.root())?;
    let recorder = Recorder::create(&run, Clock::new())?;
    let read = stage::read(lab, lab.manifest(), "service.done", &recorder).await;
    check(read.complete && (read.rows, read.filtered) == (4, 2), || format!("{read:?}"))?;
    check(read.bounds == [(0, 0, 3), (1, 0, 3)], || format!("{read:?}"))?;
    lab.kill("service-2").await?;
    let read = stage::read(lab, lab.manifest(), "service.done", &recorder).await;
    let said = read.error.clone().unwrap_or_default();
    check(!read.complete && said.contains("GET /journal of service-2: "), || format!("{read:?}"))?;
    lab.start_again("service-2", false).await?;
    Ok(())
}

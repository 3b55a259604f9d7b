//! nginx, the front door: its template is sound, and speaks of problems as the gateways do.

use std::path::Path;
use std::process::Command;

use crate::http::problem::Kind;

const TEMPLATE: &str = include_str!("../../../nginx.conf");

/// The template with every placeholder filled in as the lab does.
fn configuration(folder: &Path) -> String {
    let file = |name: &str| folder.join(name).display().to_string();
    TEMPLATE
        .replace("{listen}", "18443")
        .replace("{dir}", &folder.display().to_string())
        .replace("{certificate}", &file("certificate.pem"))
        .replace("{certificate_key}", &file("key.pem"))
        .replace("{servers:gateway:8080}", "server 127.0.0.1:18080 max_fails=1 fail_timeout=1s;")
}

fn certify(folder: &Path) {
    let mut command = Command::new("openssl");
    command.args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]);
    command.args(["-subj", "/CN=nginx", "-days", "1", "-keyout", "key.pem", "-out", "certificate.pem"]);
    let output = command.current_dir(folder).output().expect("openssl is installed");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn nginx_takes_the_template() {
    let folder = tempfile::tempdir().expect("a folder");
    certify(folder.path());
    let file = folder.path().join("nginx.conf");
    std::fs::write(&file, configuration(folder.path())).expect("written");
    let program = ["/usr/sbin/nginx", "/usr/bin/nginx"].into_iter().find(|path| Path::new(path).exists());
    let mut command = Command::new(program.expect("nginx is installed (./setup)"));
    command.arg("-t").arg("-q").arg("-e").arg("stderr").arg("-p").arg(folder.path()).arg("-c").arg(&file);
    let output = command.output().expect("nginx runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// The documents that nginx answers with, and the status before each.
fn documents() -> impl Iterator<Item = (u16, serde_json::Value)> {
    TEMPLATE.lines().filter_map(|line| line.trim().strip_prefix("return ")?.strip_suffix("';")?.split_once(" '")).map(
        |(status, document)| {
            (status.parse().expect("a status"), serde_json::from_str(document).expect("a problem document"))
        },
    )
}

#[test]
fn what_nginx_says_is_a_problem_as_a_gateway_would_say_it() {
    let kinds = [
        Kind::BadRequest,
        Kind::UnknownPath,
        Kind::RequestTimeout,
        Kind::BodyTooLarge,
        Kind::UriTooLong,
        Kind::TooManyRequests,
        Kind::HeadersTooLarge,
        Kind::Internal,
        Kind::BadGateway,
        Kind::Unconfirmed,
    ];
    for ((status, document), kind) in documents().zip(kinds) {
        let (name, expected, title) = kind.description();
        assert_eq!(status, expected.as_u16(), "{name}");
        assert_eq!(document["type"], format!("urn:lending:problem:{name}"));
        assert_eq!(document["status"], status, "{name}");
        assert_eq!(document["title"], title, "{name}");
        assert!(document["detail"].is_string(), "{name}");
    }
    assert_eq!(documents().count(), kinds.len());
}

#[test]
fn a_client_that_is_refused_for_its_rate_is_told_when_to_come_back_and_that_nothing_was_done() {
    let place = TEMPLATE.split("location @too_many_requests {").nth(1).and_then(|rest| rest.split('}').next());
    let place = place.expect("nginx says so itself");
    assert!(
        place.contains("add_header Retry-After 1 always;") && place.contains("add_header Not-Attempted true always;")
    );
}

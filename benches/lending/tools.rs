//! Other people's measures: Kafka's own ProducerPerformance, pgbench, and wrk. What is not installed is said, with the way
//! to it.

use std::path::PathBuf;
use std::process::Command;

use proofload_lab::Toolbox;

use crate::inside;

/// Records a second by Kafka's own measure: as fast as it can, `bytes` each, acknowledged by all replicas in sync.
pub(crate) fn producer_performance(topic: &str, records: usize, bytes: usize) -> Result<f64, String> {
    let tools = Toolbox::find().map_err(|_| "not everything is installed: run ./setup".to_owned())?;
    let output = Command::new(&tools.java)
        .args(["-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp"])
        .arg(&tools.kafka.class_path)
        .args(["org.apache.kafka.tools.ProducerPerformance", "--topic", topic, "--throughput", "-1"])
        .args(["--num-records", &records.to_string(), "--record-size", &bytes.to_string()])
        .args(["--producer-props", &format!("bootstrap.servers={}", inside::brokers()), "acks=all"])
        .output()
        .map_err(|error| format!("cannot start java: {error}"))?;
    let said = String::from_utf8_lossy(&output.stdout);
    // "100000 records sent, 30000.1 records/sec (14.65 MB/sec), ...": the last such line is the sum.
    let mut sums = said.lines().filter(|line| line.contains("records sent"));
    let rate = sums.next_back().and_then(|line| before(line, " records/sec"));
    rate.ok_or_else(|| format!("ProducerPerformance said nothing that can be read: {}", said.trim()))
}

/// Transactions a second by pgbench: a script on a service's database, on so many connections, with prepared statements.
pub(crate) fn pgbench(
    database: &str,
    script: &str,
    connections: usize,
    variables: &[(&str, i64)],
) -> Result<f64, String> {
    let program = pgbench_program().ok_or("pgbench is not installed: run `./setup bench`")?;
    let file = tempfile::NamedTempFile::new().map_err(|error| format!("cannot make a file for pgbench: {error}"))?;
    std::fs::write(&file, script).map_err(|error| format!("cannot write pgbench's script: {error}"))?;
    let connections = connections.to_string();
    let output = Command::new(program)
        .args(["--no-vacuum", "--protocol", "prepared", "--time", "5"])
        .args(["--client", &connections, "--jobs", &connections])
        .args(variables.iter().map(|(name, value)| format!("--define={name}={value}")))
        .arg("--file")
        .arg(file.path())
        .arg(inside::database_url(database))
        .output()
        .map_err(|error| format!("cannot start pgbench: {error}"))?;
    let said = [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat();
    // "tps = 78.4 (without initial connection time)"
    let rate = said.lines().find_map(|line| line.strip_prefix("tps = ")?.split(' ').next()?.parse().ok());
    match output.status.success() {
        true => rate.ok_or_else(|| format!("pgbench said nothing that can be read: {}", said.trim())),
        false => Err(format!("pgbench failed: {}", said.trim())),
    }
}

/// The newest pgbench: what `./setup bench` unpacked, or what Debian and Ubuntu have beside a server.
fn pgbench_program() -> Option<PathBuf> {
    let unpacked = Toolbox::find().ok()?.home.join("pgbench/usr/lib/postgresql");
    let versions = [unpacked, PathBuf::from("/usr/lib/postgresql")].into_iter().filter_map(|it| it.read_dir().ok());
    let programs = versions.flatten().flatten().map(|version| version.path().join("bin/pgbench"));
    programs.filter(|program| program.exists()).max()
}

/// Requests a second by wrk: a GET of `url`, with so many connections, on one thread.
pub(crate) fn wrk(url: &str, connections: usize) -> Result<f64, String> {
    let output = Command::new("wrk")
        .args(["--threads", "1", "--duration", "5s", "--connections", &connections.to_string(), url])
        .output()
        .map_err(|_| "wrk is not installed: run `./setup bench`".to_owned())?;
    let said = String::from_utf8_lossy(&output.stdout);
    let rate = said.lines().find_map(|line| line.trim().strip_prefix("Requests/sec:")?.trim().parse().ok());
    rate.ok_or_else(|| format!("wrk said nothing that can be read: {}", said.trim()))
}

/// The number before a unit.
fn before(line: &str, unit: &str) -> Option<f64> {
    line.split_once(unit)?.0.rsplit([' ', ',']).next()?.parse().ok()
}

//! Reading of journals from servers that answer what a test has them answer, byte for byte.

use super::*;
use crate::manifest::{Stage, StageSource};
use proofload_history::{Clock, History, Id, RunDir};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

const STAGE: &str = r#"
    title = "executed"
    http = "/v1/journal"
    process = "rail"
    port = 8080
    where = [{ pointer = "/state", equals = "EXECUTED" }, { pointer = "/direction", equals = "OUT" }]
    id = "/id"
    state = "/state"
    amount = "/cents"
"#;

/// More than a local answer ever takes.
const PATIENCE: Duration = Duration::from_secs(60);

fn source() -> HttpStage {
    let stage: Stage = toml::from_str(STAGE).unwrap();
    let StageSource::Http(source) = stage.source else { panic!("not a journal") };
    source
}

fn transfer(id: &str, state: &str, cents: i64) -> String {
    format!("{{\"id\":\"{id}\",\"state\":\"{state}\",\"direction\":\"OUT\",\"cents\":{cents}}}\n")
}

fn ok(body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

fn chunked(pieces: &[&str]) -> String {
    let chunks: String = pieces.iter().map(|piece| format!("{:x}\r\n{piece}\r\n", piece.len())).collect();
    format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}0\r\n\r\n")
}

/// A server that answers the n-th request with the n-th of `answers`, and all later ones with the last.
async fn serving(answers: Vec<String>) -> Journal {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    tokio::spawn(async move {
        for turn in 0.. {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = [0; 2_048];
            let got = stream.read(&mut request).await.unwrap();
            assert!(request[..got].starts_with(b"GET /v1/journal HTTP/1.1\r\n"));
            stream.write_all(answers[answers.len().min(turn + 1) - 1].as_bytes()).await.unwrap();
        }
    });
    Journal { of: "rail".to_owned(), way: Way::plain_to_read(at, PATIENCE).unwrap() }
}

struct Run {
    folder: TempDir,
    recorder: Recorder,
    read: StageRead,
}

impl Run {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let recorder = Recorder::create(&RunDir::at(folder.path()), Clock::new()).unwrap();
        Self { folder, recorder, read: StageRead { stage: "rail.transfer".to_owned(), ..StageRead::default() } }
    }

    async fn read(&mut self, journals: &[Journal]) -> Result<(), String> {
        read_twice(journals, &source(), &self.recorder, &mut self.read).await
    }

    fn observations(&self) -> Vec<Observation> {
        self.recorder.close().unwrap();
        History::read(&RunDir::at(self.folder.path())).unwrap().observations.to_vec().unwrap()
    }
}

/// What is said of one journal with these answers.
async fn refused(answers: &[String]) -> (String, StageRead) {
    let mut run = Run::new();
    let said = run.read(&[serving(answers.to_vec()).await]).await.unwrap_err();
    (said, run.read)
}

#[tokio::test]
async fn every_journal_is_read_whole_and_every_line_has_a_position_of_its_own() {
    let lines = [transfer("a", "EXECUTED", 17), transfer("b", "REFUSED", 1), transfer("a", "EXECUTED", 17)];
    let first = serving(vec![ok(&lines.concat())]).await;
    // In chunks that no line cares about, with a line that has no id, and without a last line feed.
    let second = chunked(&[
        r#"{"state":"EXECUTED","direction":"OUT","id":""#,
        "c\"}\n",
        r#"{"state":"EXECUTED","direction":"OUT"}"#,
    ]);
    let second = serving(vec![second]).await;
    let mut run = Run::new();
    assert_eq!(run.read(&[first, second]).await, Ok(()));
    assert_eq!((run.read.rows, run.read.filtered, run.read.unreadable), (3, 1, 1));
    assert_eq!(run.read.bounds, [(0, 0, 3), (1, 0, 2)]);
    assert_eq!(run.read.digests[0], run.read.digests[1]);
    let seen = run.observations();
    let positions: Vec<_> = seen.iter().map(|it| (it.id, it.partition.unwrap(), it.offset.unwrap())).collect();
    assert_eq!(positions, [(Id::of("a"), 0, 0), (Id::of("a"), 0, 2), (Id::of("c"), 1, 0)]);
    assert_eq!((seen[0].state.as_deref(), seen[0].amount), (Some("EXECUTED"), Some(17)));
    assert_eq!(seen[0].digest, seen[1].digest);
}

#[tokio::test]
async fn a_journal_that_grows_between_the_readings_is_incomplete() {
    let before = transfer("a", "EXECUTED", 17);
    let after = format!("{before}{}", transfer("b", "EXECUTED", 1));
    let (said, read) = refused(&[ok(&before), ok(&after)]).await;
    assert!(said.starts_with("the journal of rail had 1 lines in the first reading and 2 in the second"), "{said}");
    assert_ne!(read.digests[0], read.digests[1]);
}

#[tokio::test]
async fn a_journal_that_changes_between_the_readings_is_incomplete() {
    let (said, read) = refused(&[ok(&transfer("a", "EXECUTED", 17)), ok(&transfer("a", "EXECUTED", 18))]).await;
    assert!(said.starts_with("two readings one after the other saw different facts"), "{said}");
    assert_ne!(read.digests[0], read.digests[1]);
}

#[tokio::test]
async fn what_is_no_whole_journal_is_incomplete_and_says_why() {
    let line = transfer("a", "EXECUTED", 17);
    let long = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{line}", line.len() + 1);
    for (answer, why) in [
        ("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n".to_owned(), "it is answered with 503"),
        ("HTTP/1.1 204 No Content\r\n\r\n".to_owned(), "it is answered with 204"),
        (
            "HTTP/1.1 302 Found\r\nLocation: /v1/journal\r\nContent-Length: 0\r\n\r\n".to_owned(),
            "it is answered with 302",
        ),
        (long, "its answer broke off"),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n{}\n\r\n".to_owned(), "its answer broke off"),
        (format!("HTTP/1.1 200 OK\r\n\r\n{line}"), "neither a length nor chunks"),
        (ok(&format!("{line}<html>")), "line 2 is not JSON"),
        (ok(&format!("{line}\n{line}")), "line 2 is not JSON"),
    ] {
        let (said, _) = refused(std::slice::from_ref(&answer)).await;
        assert!(said.starts_with("GET /v1/journal of rail: ") && said.contains(why), "{answer}: {said}");
    }
}

#[tokio::test]
async fn a_second_reading_that_breaks_off_is_incomplete() {
    let gone = "HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n".to_owned();
    let (said, _) = refused(&[ok(&transfer("a", "EXECUTED", 17)), gone]).await;
    assert!(said.contains("it is answered with 500"), "{said}");
}

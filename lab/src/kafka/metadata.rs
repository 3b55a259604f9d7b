//! One Metadata request to one broker, in Kafka's own protocol.
//!
//! Version 8 (Kafka 2.3 and later) is the last with plain encoding, and has the leader epochs. The shapes are those of
//! <https://kafka.apache.org/protocol#The_Messages_Metadata>. The answer is what this one broker believes.

use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const API_KEY: i16 = 3;
const API_VERSION: i16 = 8;
const CORRELATION: i32 = 1;
const CLIENT: &str = "proofload";
/// A longer answer is none.
const ANSWER_MAX: usize = 16 << 20;
/// Longer than this, and the broker counts as silent.
const WITHIN: Duration = Duration::from_secs(2);

/// A partition as a broker believes it to be; brokers by their node ids.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Known {
    pub(super) topic: String,
    /// The topic is one of Kafka's own.
    pub(super) internal: bool,
    pub(super) partition: i32,
    /// -1: nobody.
    pub(super) leader: i32,
    pub(super) epoch: i32,
    pub(super) replicas: Vec<i32>,
    pub(super) in_sync: Vec<i32>,
}

/// Asks the broker that listens at `broker` for all partitions.
pub(super) async fn ask(broker: SocketAddr) -> Result<Vec<Known>, String> {
    match tokio::time::timeout(WITHIN, exchange(broker)).await {
        Ok(Ok(answer)) => parse(&answer).ok_or_else(|| format!("the answer of {broker} is not a Metadata answer")),
        Ok(Err(error)) => Err(format!("cannot ask {broker} for its metadata: {error}")),
        Err(_) => Err(format!("cannot ask {broker} for its metadata: no answer within {} s", WITHIN.as_secs())),
    }
}

async fn exchange(broker: SocketAddr) -> std::io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(broker).await?;
    stream.write_all(&request()).await?;
    let size = usize::try_from(stream.read_i32().await?).ok().filter(|size| *size <= ANSWER_MAX);
    let size = size.ok_or_else(|| std::io::Error::new(std::io::ErrorKind::InvalidData, "an answer of no sane size"))?;
    let mut answer = vec![0; size];
    stream.read_exact(&mut answer).await?;
    Ok(answer)
}

fn request() -> Vec<u8> {
    let mut body = Vec::new();
    body.extend(API_KEY.to_be_bytes());
    body.extend(API_VERSION.to_be_bytes());
    body.extend(CORRELATION.to_be_bytes());
    body.extend((CLIENT.len() as i16).to_be_bytes());
    body.extend(CLIENT.as_bytes());
    // All topics; create none; no authorized operations.
    body.extend((-1_i32).to_be_bytes());
    body.extend([0, 0, 0]);
    let mut framed = (body.len() as i32).to_be_bytes().to_vec();
    framed.extend(body);
    framed
}

fn parse(answer: &[u8]) -> Option<Vec<Known>> {
    let mut reader = Reader(answer);
    (reader.i32()? == CORRELATION).then_some(())?;
    let _throttled_ms = reader.i32()?;
    for _ in 0..reader.count()? {
        let (_node, _host, _port, _rack) = (reader.i32()?, reader.text()?, reader.i32()?, reader.text()?);
    }
    let (_cluster, _controller) = (reader.text()?, reader.i32()?);
    let mut partitions = Vec::new();
    for _ in 0..reader.count()? {
        let (_error, topic, internal) = (reader.i16()?, reader.text()?, reader.u8()? != 0);
        for _ in 0..reader.count()? {
            let (_error, partition, leader, epoch) = (reader.i16()?, reader.i32()?, reader.i32()?, reader.i32()?);
            let (replicas, in_sync, _offline) = (reader.i32s()?, reader.i32s()?, reader.i32s()?);
            partitions.push(Known { topic: topic.clone(), internal, partition, leader, epoch, replicas, in_sync });
        }
        let _operations = reader.i32()?;
    }
    Some(partitions)
}

struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*head)
    }

    fn u8(&mut self) -> Option<u8> {
        self.take::<1>().map(|[byte]| byte)
    }

    fn i16(&mut self) -> Option<i16> {
        self.take().map(i16::from_be_bytes)
    }

    fn i32(&mut self) -> Option<i32> {
        self.take().map(i32::from_be_bytes)
    }

    /// The length of an array; a missing one is empty.
    fn count(&mut self) -> Option<i32> {
        self.i32().map(|count| count.max(0))
    }

    fn i32s(&mut self) -> Option<Vec<i32>> {
        (0..self.count()?).map(|_| self.i32()).collect()
    }

    /// A string; a missing one is empty.
    fn text(&mut self) -> Option<String> {
        let length = usize::try_from(self.i16()?).unwrap_or(0);
        let (text, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(String::from_utf8_lossy(text).into_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Vec<u8> {
        [&(text.len() as i16).to_be_bytes()[..], text.as_bytes()].concat()
    }

    fn i32s(numbers: &[i32]) -> Vec<u8> {
        numbers.iter().flat_map(|number| number.to_be_bytes()).collect()
    }

    /// One broker, one topic of one partition, led by 2 under epoch 5; replicas 1, 2, 3 and 2, 3 in sync.
    fn answer() -> Vec<u8> {
        let broker = [i32s(&[1, 1]), text("kafka-1"), i32s(&[9092]), (-1_i16).to_be_bytes().to_vec()].concat();
        let cluster = [text("cluster"), i32s(&[1])].concat();
        let topic = [i32s(&[1]), vec![0, 0], text("orders"), vec![0]].concat();
        let partition = [i32s(&[1]), vec![0, 0], i32s(&[0, 2, 5, 3, 1, 2, 3, 2, 2, 3, 1, 1])].concat();
        [i32s(&[CORRELATION, 0]), broker, cluster, topic, partition, i32s(&[0, 0])].concat()
    }

    #[test]
    fn an_answer_tells_leader_epoch_replicas_and_in_sync_set() {
        let expected = Known {
            topic: "orders".to_owned(),
            internal: false,
            partition: 0,
            leader: 2,
            epoch: 5,
            replicas: vec![1, 2, 3],
            in_sync: vec![2, 3],
        };
        assert_eq!(parse(&answer()), Some(vec![expected]));
    }

    #[test]
    fn an_answer_that_breaks_off_is_none() {
        let whole = answer();
        // The last field is not read.
        for length in 0..whole.len() - 4 {
            assert_eq!(parse(&whole[..length]), None, "{length} of {} bytes", whole.len());
        }
    }
}

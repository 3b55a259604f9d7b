//! A service as small as one can be: `GET /health` asks Redis over $REDIS, if that is set; `GET /produce` sends one
//! record to $TOPIC over $KAFKA.

use rdkafka::ClientConfig;
use rdkafka::producer::{FutureProducer, FutureRecord};
use std::error::Error;
use std::process::ExitCode;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};

pub(crate) async fn serve() -> Result<ExitCode, Box<dyn Error>> {
    let listener = TcpListener::bind(std::env::var("LISTEN")?).await?;
    loop {
        let (stream, _) = listener.accept().await?;
        tokio::spawn(async move {
            if let Err(error) = answer(stream).await {
                eprintln!("{error}");
            }
        });
    }
}

async fn answer(stream: TcpStream) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    let mut request = String::new();
    stream.read_line(&mut request).await?;
    let done = match request.split(' ').nth(1) {
        Some("/health") => ask_redis().await,
        Some("/produce") => produce().await,
        _ => Err("no such path".into()),
    };
    let (status, body) = match done {
        Ok(body) => ("200 OK", body),
        Err(error) => ("503 Service Unavailable", error.to_string()),
    };
    let length = body.len();
    let text = format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}");
    stream.write_all(text.as_bytes()).await
}

async fn ask_redis() -> Result<String, Box<dyn Error + Send + Sync>> {
    let Ok(redis) = std::env::var("REDIS") else { return Ok("up".to_owned()) };
    let mut stream = TcpStream::connect(redis).await?;
    stream.write_all(b"PING\r\n").await?;
    let mut answer = [0; 5];
    stream.read_exact(&mut answer).await?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

async fn produce() -> Result<String, Box<dyn Error + Send + Sync>> {
    let producer: FutureProducer = ClientConfig::new()
        .set("bootstrap.servers", std::env::var("KAFKA")?)
        .set("message.timeout.ms", "20000")
        .create()?;
    let topic = std::env::var("TOPIC")?;
    let record = FutureRecord::to(&topic).key("key").payload("through the link");
    let sent = producer.send(record, Duration::from_secs(20)).await.map_err(|(error, _)| error)?;
    Ok(format!("{} {}", sent.partition, sent.offset))
}

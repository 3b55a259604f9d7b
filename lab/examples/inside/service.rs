//! A service as small as one can be: `GET /health` asks Redis over $REDIS, if that is set; `GET /produce` sends one
//! record to $TOPIC over $KAFKA; `GET /journal` answers three lines that name $NAME. With $CERTIFICATE it speaks TLS.

use rdkafka::ClientConfig;
use rdkafka::producer::{FutureProducer, FutureRecord};
use std::error::Error;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

pub(crate) async fn serve() -> Result<ExitCode, Box<dyn Error>> {
    let listener = TcpListener::bind(std::env::var("LISTEN")?).await?;
    let tls = std::env::var("CERTIFICATE").ok().map(acceptor).transpose()?;
    loop {
        let (stream, _) = listener.accept().await?;
        let tls = tls.clone();
        tokio::spawn(async move {
            let answered = match tls {
                Some(tls) => match tls.accept(stream).await {
                    Ok(stream) => answer(stream).await,
                    Err(error) => Err(error),
                },
                None => answer(stream).await,
            };
            if let Err(error) = answered {
                eprintln!("{error}");
            }
        });
    }
}

fn acceptor(certificate: String) -> Result<TlsAcceptor, Box<dyn Error>> {
    let chain = vec![CertificateDer::from_pem_file(certificate)?];
    let key = PrivateKeyDer::from_pem_file(std::env::var("CERTIFICATE_KEY")?)?;
    let provider = Arc::new(tokio_rustls::rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    Ok(TlsAcceptor::from(Arc::new(config.with_no_client_auth().with_single_cert(chain, key)?)))
}

async fn answer(stream: impl AsyncRead + AsyncWrite + Unpin) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    let mut request = String::new();
    stream.read_line(&mut request).await?;
    let done = match request.split(' ').nth(1) {
        Some("/health") => ask_redis().await,
        Some("/produce") => produce().await,
        Some("/journal") => Ok(journal()),
        _ => Err("no such path".into()),
    };
    let (status, body) = match done {
        Ok(body) => ("200 OK", body),
        Err(error) => ("503 Service Unavailable", error.to_string()),
    };
    let length = body.len();
    let text = format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}");
    stream.write_all(text.as_bytes()).await?;
    stream.shutdown().await
}

fn journal() -> String {
    let name = std::env::var("NAME").unwrap_or_default();
    let line = |(number, state)| format!("{{\"id\":\"{name}-{number}\",\"state\":\"{state}\"}}\n");
    [(1, "DONE"), (2, "LEFT"), (3, "DONE")].map(line).concat()
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

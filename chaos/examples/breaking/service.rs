//! A service as small as one can be: every GET is answered with 200.

use std::error::Error;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};

pub(crate) async fn serve() -> Result<(), Box<dyn Error>> {
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
    stream.read_line(&mut String::new()).await?;
    stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nup").await
}

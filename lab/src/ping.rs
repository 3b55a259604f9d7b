//! One question and its answer, in the protocols of the components, on a fresh connection.

use std::net::SocketAddr;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Sends `question` on a fresh connection to `at`, and reads as many bytes as `N`.
pub(crate) async fn ask<const N: usize>(at: SocketAddr, question: &[u8]) -> Result<[u8; N], String> {
    let exchange = async {
        let mut stream = TcpStream::connect(at).await?;
        stream.write_all(question).await?;
        let mut answer = [0; N];
        stream.read_exact(&mut answer).await?;
        Ok::<_, std::io::Error>(answer)
    };
    exchange.await.map_err(|error| format!("{at}: {error}"))
}

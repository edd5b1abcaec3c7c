//! From a host name to a stream, plain or TLS.

use super::settings::Settings;
use rustls::{CertificateError, Error as TlsError};
use std::io;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

/// Either kind of stream, halves to be split by the caller.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// Connects within the connect timeout, TLS handshake included. Every address of the
/// name is tried, looked up anew each time.
pub(super) async fn connect(settings: &Settings) -> io::Result<Box<dyn Stream>> {
    let connecting = async {
        let tcp = TcpStream::connect((settings.host.as_str(), settings.port)).await?;
        // Batches are written whole; waiting for more would only delay them.
        tcp.set_nodelay(true)?;
        match &settings.tls {
            None => Ok::<_, io::Error>(Box::new(tcp) as Box<dyn Stream>),
            Some((connector, name)) => {
                let tls = connector.connect(name.clone(), tcp).await;
                let tls = tls.map_err(|e| explained(&e))?;
                Ok(Box::new(tls) as Box<dyn Stream>)
            }
        }
    };
    match tokio::time::timeout(settings.connect_timeout, connecting).await {
        Ok(connected) => connected,
        Err(_) => Err(io::Error::new(
            io::ErrorKind::TimedOut,
            format!(
                "no connection within {} s",
                settings.connect_timeout.as_secs()
            ),
        )),
    }
}

/// A handshake's failure with the way out, where it is a common one.
fn explained(failure: &io::Error) -> io::Error {
    let way_out = match failure.get_ref().and_then(|e| e.downcast_ref()) {
        Some(TlsError::InvalidMessage(_)) => "; is this its plain port?",
        Some(TlsError::InvalidCertificate(CertificateError::UnknownIssuer)) => {
            "; name its CA in tls.ca_file, or in the gateway's meta.smpp.tls_ca_file"
        }
        _ => "",
    };
    io::Error::new(failure.kind(), format!("TLS: {failure}{way_out}"))
}

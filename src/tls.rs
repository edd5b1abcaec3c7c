//! Whom we trust when we connect: one set of roots for the process, and from it the client
//! configurations of HTTPS and of binds.
//!
//! It owns the roots: those of the system and of `tls.ca_file`. What always holds: the peer's
//! certificate is verified. A bind may have a CA file of its own beside the roots, or a
//! [`Pin`], which accepts exactly one certificate and nothing else.

use std::{
    fmt, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use ring::digest;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::{CryptoProvider, ring as provider, verify_tls12_signature, verify_tls13_signature},
    pki_types::{
        CertificateDer, ServerName, UnixTime,
        pem::{self, PemObject},
    },
};
use subtle::ConstantTimeEq;
use tracing::warn;

use crate::config::TlsConfig;

/// The roots, read once at start. Cloned freely.
#[derive(Clone, Debug)]
pub struct Trust {
    roots: Arc<RootCertStore>,
    provider: Arc<CryptoProvider>,
}

impl Trust {
    /// Reads the system's roots and those of `tls.ca_file`.
    ///
    /// A machine without roots of its own is no error, since it may never call anybody by TLS;
    /// a `ca_file` that does not give its certificates is.
    pub fn load(tls: &TlsConfig) -> Result<Trust, TlsError> {
        let mut roots = RootCertStore::empty();
        let system = rustls_native_certs::load_native_certs();
        for e in &system.errors {
            warn!(error = %e, "some of the system's root certificates cannot be read");
        }
        roots.add_parsable_certificates(system.certs);
        if let Some(file) = &tls.ca_file {
            add_file(&mut roots, file)?;
        }
        if roots.is_empty() {
            warn!(
                "neither the system nor tls.ca_file has root certificates; no TLS peer will be trusted"
            );
        }
        Ok(Trust {
            roots: Arc::new(roots),
            provider: Arc::new(provider::default_provider()),
        })
    }

    /// For HTTPS: callbacks and HTTP upstreams.
    pub fn https(&self) -> Result<Arc<ClientConfig>, TlsError> {
        self.config(self.roots.clone())
    }

    /// For the binds of one gateway. `ca_file` is trusted beside the common roots; with a
    /// `pin` neither counts, nor does the host's name.
    pub fn bind(
        &self,
        ca_file: Option<&Path>,
        pin: Option<Pin>,
    ) -> Result<Arc<ClientConfig>, TlsError> {
        if let Some(pin) = pin {
            return self.pinned(pin);
        }
        let Some(file) = ca_file else {
            return self.https();
        };
        let mut roots = RootCertStore::clone(&self.roots);
        add_file(&mut roots, file)?;
        self.config(Arc::new(roots))
    }

    fn config(&self, roots: Arc<RootCertStore>) -> Result<Arc<ClientConfig>, TlsError> {
        let config = ClientConfig::builder_with_provider(self.provider.clone())
            .with_safe_default_protocol_versions()
            .map_err(TlsError::Provider)?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Arc::new(config))
    }

    fn pinned(&self, pin: Pin) -> Result<Arc<ClientConfig>, TlsError> {
        let verifier = Arc::new(PinVerifier {
            pin,
            provider: self.provider.clone(),
        });
        let config = ClientConfig::builder_with_provider(self.provider.clone())
            .with_safe_default_protocol_versions()
            .map_err(TlsError::Provider)?
            .dangerous()
            .with_custom_certificate_verifier(verifier)
            .with_no_client_auth();
        Ok(Arc::new(config))
    }
}

/// Adds every certificate of a PEM file; each must be one that can be a root.
fn add_file(roots: &mut RootCertStore, file: &Path) -> Result<(), TlsError> {
    let wrong = |why| TlsError::File {
        file: file.to_owned(),
        why,
    };
    let certificates =
        CertificateDer::pem_file_iter(file).map_err(|e| wrong(FileFault::from(e)))?;
    let mut number = 0;
    for certificate in certificates {
        let certificate = certificate.map_err(|e| wrong(FileFault::from(e)))?;
        number += 1;
        roots
            .add(certificate)
            .map_err(|error| wrong(FileFault::Certificate { number, error }))?;
    }
    if number == 0 {
        return Err(wrong(FileFault::Empty));
    }
    Ok(())
}

/// The SHA-256 of the one certificate (DER) that a peer may show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pin([u8; 32]);

impl Pin {
    pub fn new(digest: [u8; 32]) -> Pin {
        Pin(digest)
    }

    fn matches(&self, certificate: &[u8]) -> bool {
        let shown = digest::digest(&digest::SHA256, certificate);
        shown.as_ref().ct_eq(&self.0).into()
    }
}

/// Accepts the pinned certificate, whoever signed it and whatever name it has. That the peer
/// holds its key is checked as always.
#[derive(Debug)]
struct PinVerifier {
    pin: Pin,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for PinVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if self.pin.matches(end_entity) {
            Ok(ServerCertVerified::assertion())
        } else {
            Err(CertificateError::ApplicationVerificationFailure.into())
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, cert, dss, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, cert, dss, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}

/// Why there is no TLS configuration; always the operator's to repair.
#[derive(Debug)]
pub enum TlsError {
    File { file: PathBuf, why: FileFault },
    Provider(Error),
}

#[derive(Debug)]
pub enum FileFault {
    Unreadable(io::Error),
    NotPem(String),
    Empty,
    /// Counted from 1.
    Certificate {
        number: usize,
        error: Error,
    },
}

impl From<pem::Error> for FileFault {
    fn from(e: pem::Error) -> Self {
        match e {
            pem::Error::Io(e) => FileFault::Unreadable(e),
            other => FileFault::NotPem(other.to_string()),
        }
    }
}

impl fmt::Display for TlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TlsError::File { file, why } => write!(f, "{}: {why}", file.display()),
            TlsError::Provider(e) => write!(f, "no TLS: {e}"),
        }
    }
}

impl fmt::Display for FileFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FileFault::Unreadable(e) => write!(f, "cannot be read: {e}"),
            FileFault::NotPem(e) => write!(f, "is not PEM: {e}"),
            FileFault::Empty => f.write_str("has no certificate; a PEM file is expected"),
            FileFault::Certificate { number, error } => {
                write!(f, "certificate {number} cannot be a root: {error}")
            }
        }
    }
}

impl std::error::Error for TlsError {}

#[cfg(test)]
mod tests;

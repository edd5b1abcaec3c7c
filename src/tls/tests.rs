//! Real handshakes in memory between a rustls server and each kind of client.

use super::*;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use std::io::Write;
use tokio_rustls::{TlsAcceptor, TlsConnector};

const NAME: &str = "smsc.example.test";

struct Peer {
    config: Arc<rustls::ServerConfig>,
    ca_pem: String,
    leaf: CertificateDer<'static>,
}

fn peer() -> Peer {
    let mut ca = CertificateParams::new(Vec::new()).unwrap();
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let issuer = CertifiedIssuer::self_signed(ca, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let leaf = CertificateParams::new(vec![NAME.to_owned()])
        .unwrap()
        .signed_by(&key, &issuer)
        .unwrap();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let leaf = leaf.der().clone();
    let config =
        rustls::ServerConfig::builder_with_provider(Arc::new(provider::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![leaf.clone()], key)
            .unwrap();
    Peer {
        config: Arc::new(config),
        ca_pem: issuer.pem(),
        leaf,
    }
}

fn file_of(text: &str) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    file
}

async fn shakes_hands(peer: &Peer, client: Arc<ClientConfig>, name: &str) -> bool {
    let (near, far) = tokio::io::duplex(64 << 10);
    let acceptor = TlsAcceptor::from(peer.config.clone());
    let server = tokio::spawn(async move { acceptor.accept(far).await.is_ok() });
    let name = ServerName::try_from(name.to_owned()).unwrap();
    // Kept until the server is done: it has session tickets to write.
    let client = TlsConnector::from(client).connect(name, near).await;
    server.await.unwrap() && client.is_ok()
}

fn trust(ca_file: Option<&Path>) -> Result<Trust, TlsError> {
    Trust::load(&TlsConfig {
        ca_file: ca_file.map(Path::to_owned),
    })
}

#[tokio::test]
async fn a_ca_file_makes_its_certificates_trusted_for_their_name() {
    let peer = peer();
    let file = file_of(&peer.ca_pem);
    let own = trust(Some(file.path())).unwrap().https().unwrap();
    assert!(shakes_hands(&peer, own.clone(), NAME).await);
    assert!(!shakes_hands(&peer, own, "other.example.test").await);
    let system_only = trust(None).unwrap();
    assert!(!shakes_hands(&peer, system_only.https().unwrap(), NAME).await);
    let bind = system_only.bind(Some(file.path()), None).unwrap();
    assert!(shakes_hands(&peer, bind, NAME).await);
}

#[tokio::test]
async fn a_pin_accepts_one_certificate_under_any_name_and_no_other() {
    let (peer, impostor) = (peer(), self::peer());
    let shown = digest::digest(&digest::SHA256, &peer.leaf);
    let pin = Pin::new(shown.as_ref().try_into().unwrap());
    let file = file_of(&impostor.ca_pem);
    let pinned = trust(None)
        .unwrap()
        .bind(Some(file.path()), Some(pin))
        .unwrap();
    assert!(shakes_hands(&peer, pinned.clone(), "10.0.0.1").await);
    assert!(!shakes_hands(&impostor, pinned, NAME).await);
}

#[test]
fn a_ca_file_that_gives_nothing_is_an_error_that_says_why() {
    let says = |path: &Path| trust(Some(path)).unwrap_err().to_string();
    assert!(says(Path::new("/nowhere/ca.pem")).starts_with("/nowhere/ca.pem: cannot be read"));
    assert!(says(file_of("hello").path()).contains("has no certificate"));
    let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    assert!(says(file_of(broken).path()).contains("certificate 1 cannot be a root"));
    assert!(says(file_of("-----BEGIN CERTIFICATE-----\nAAAA\n").path()).contains("is not PEM"));
}

//! What a bind has to know, from the gateway's record and the configuration.

use crate::config::Config;
use crate::config::gateway::{BindMode, OnUnknown as OnUnknownSetting, SmppSettings};
use crate::message::{Gateway, OnUnknown};
use crate::outbound::submit;
use crate::tls::{Pin, Trust};
use rustls::pki_types::ServerName;
use smpp_protocol::coding::{InterfaceVersion, Npi, Ton};
use smpp_protocol::pdu::Bind;
use smpp_protocol::session::BindAs;
use std::time::Duration;
use tokio_rustls::TlsConnector;

/// The typed record: ready to be used without further checks.
pub(super) struct Settings {
    pub(super) smpp: SmppSettings,
    pub(super) bind: Bind,
    pub(super) host: String,
    pub(super) port: u16,
    /// `None` is plain TCP.
    pub(super) tls: Option<(TlsConnector, ServerName<'static>)>,
    /// Connections: each a transceiver, or the transmitters at even places with their receivers
    /// behind them.
    pub(super) binds: u16,
    pub(super) window: usize,
    pub(super) throughput: Option<u32>,
    pub(super) on_unknown: OnUnknown,
    pub(super) reconnect_initial: Duration,
    pub(super) reconnect_max: Duration,
    pub(super) connect_timeout: Duration,
    /// Unanswered `deliver_sm` beyond which the socket is not read.
    pub(super) inbound_max: usize,
}

impl Settings {
    /// Or why the record cannot work, in words for an operator.
    pub(super) fn of(
        gateway: &Gateway,
        config: &Config,
        trust: &Trust,
    ) -> Result<Settings, String> {
        let smpp = submit::settings(gateway, config)?;
        let tls = match gateway.use_ssl {
            false => None,
            true => Some(tls(gateway, &smpp, trust)?),
        };
        let link = &smpp.link;
        let bind = Bind {
            system_id: gateway.username.clone().unwrap_or_default().into(),
            password: gateway.password.clone().unwrap_or_default().into(),
            system_type: link.system_type.clone().into(),
            interface_version: InterfaceVersion(link.interface_version),
            addr_ton: Ton(0),
            addr_npi: Npi(0),
            address_range: smpp.address_range.clone().into(),
            ..Bind::default()
        };
        Ok(Settings {
            bind,
            host: gateway.server_host.clone(),
            port: gateway.server_port,
            tls,
            binds: match smpp.bind {
                BindMode::Transceiver => link.binds.get(),
                BindMode::Pair => link.binds.get().saturating_mul(2),
            },
            window: usize::from(link.window.get()),
            throughput: link.throughput.map(std::num::NonZeroU32::get),
            on_unknown: match smpp.on_unknown {
                OnUnknownSetting::Resend => OnUnknown::Resend,
                OnUnknownSetting::Hold => OnUnknown::Hold,
                OnUnknownSetting::Fail => OnUnknown::Fail,
            },
            reconnect_initial: link.reconnect_initial,
            reconnect_max: link.reconnect_max,
            connect_timeout: link.connect_timeout,
            inbound_max: usize::try_from(link.deliver_inflight_max).unwrap_or(usize::MAX),
            smpp,
        })
    }
}

impl Settings {
    /// What the connection at this place is bound as.
    pub(super) fn bind_as(&self, number: u16) -> BindAs {
        match self.smpp.bind {
            BindMode::Transceiver => BindAs::Transceiver,
            BindMode::Pair if number.is_multiple_of(2) => BindAs::Transmitter,
            BindMode::Pair => BindAs::Receiver,
        }
    }
}

/// SNI and the name on the certificate are the gateway's host, or what it says instead.
fn tls(
    gateway: &Gateway,
    smpp: &SmppSettings,
    trust: &Trust,
) -> Result<(TlsConnector, ServerName<'static>), String> {
    let pin = smpp.tls.pin_sha256.map(Pin::new);
    let config = trust
        .bind(smpp.tls.ca_file.as_deref(), pin)
        .map_err(|e| e.to_string())?;
    let name = smpp
        .tls
        .server_name
        .clone()
        .unwrap_or_else(|| gateway.server_host.clone());
    let name = ServerName::try_from(name).map_err(|e| format!("tls_server_name: {e}"))?;
    Ok((TlsConnector::from(config), name))
}

//! `smpp-bridge export`: the log as lines of JSON, from its directory or from a running bridge.

use super::progress::Bar;
use super::{runtime, verify};
use crate::store::export::line;
use crate::store::walk::{Found, walk};
use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

/// Writes every entry of a log at rest to standard output.
pub fn of_directory(data: &Path) -> ExitCode {
    let log = match verify::open(data) {
        Ok(log) => log,
        Err(code) => return code,
    };
    let source = log.source();
    let (lowest, highest) = source.bounds().unwrap_or((1, 0));
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    let mut bar = Bar::new();
    let mut failed = None;
    let each = |found: Found<'_>| {
        if failed.is_none() {
            failed = writeln!(out, "{}", line(&found)).err();
        }
    };
    walk(&*source, 0, each, |frame, _| {
        let (done, all) = (frame + 1 - lowest, highest + 1 - lowest);
        bar.show(done, all, &format!("frame {done} of {all}"));
    });
    bar.clear();
    match failed.or_else(|| out.flush().err()) {
        None => ExitCode::SUCCESS,
        Some(e) => refused(&e.to_string()),
    }
}

/// The same of a bridge that is running, through its API.
pub fn of_bridge(url: &str, token: Option<&str>) -> ExitCode {
    let done = runtime().and_then(|runtime| {
        let fetched = runtime.block_on(fetch(url, token));
        fetched.map_err(|e| refused(&in_full(&*e)))
    });
    done.map_or_else(|code| code, |()| ExitCode::SUCCESS)
}

fn refused(why: &str) -> ExitCode {
    eprintln!("smpp-bridge export: {why}");
    ExitCode::FAILURE
}

/// With its causes: the outermost of a client says only that it failed.
fn in_full(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |e| e.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

async fn fetch(url: &str, token: Option<&str>) -> Result<(), Box<dyn std::error::Error>> {
    if !url.starts_with("http://") {
        return Err(
            "--url must begin with http://; to a bridge behind TLS go by its inner address".into(),
        );
    }
    let mut request = http::Request::get(format!("{}/api/log", url.trim_end_matches('/')));
    if let Some(token) = token {
        request = request.header(http::header::AUTHORIZATION, format!("Bearer {token}"));
    }
    let client = Client::builder(TokioExecutor::new()).build_http::<Empty<Bytes>>();
    let answer = client.request(request.body(Empty::new())?).await?;
    if answer.status() != http::StatusCode::OK {
        let status = answer.status();
        let body = answer.into_body().collect().await?.to_bytes();
        return Err(format!("{status}: {}", String::from_utf8_lossy(&body)).into());
    }
    let (lowest, highest) = frames(answer.headers()).ok_or("the answer is not that of a bridge")?;
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    let mut bar = Bar::new();
    let mut body = answer.into_body();
    while let Some(piece) = body.frame().await {
        let Ok(octets) = piece?.into_data() else {
            continue;
        };
        out.write_all(&octets)?;
        if let Some(frame) = last_frame(&octets) {
            let (done, all) = (frame + 1 - lowest.min(frame), highest + 1 - lowest);
            bar.show(done, all, &format!("frame {done} of {all}"));
        }
    }
    bar.clear();
    out.flush()?;
    Ok(())
}

/// Those of the log, as the bridge tells them before the lines.
fn frames(headers: &http::HeaderMap) -> Option<(u64, u64)> {
    let (lowest, highest) = headers
        .get("x-log-frames")?
        .to_str()
        .ok()?
        .split_once('-')?;
    Some((lowest.parse().ok()?, highest.parse().ok()?))
}

/// The frame that the last line to begin in these octets names.
fn last_frame(octets: &[u8]) -> Option<u64> {
    const BEGINNING: &[u8] = b"{\"frame\":";
    let at = octets
        .windows(BEGINNING.len())
        .rposition(|w| w == BEGINNING)?;
    let digits = octets[at + BEGINNING.len()..]
        .iter()
        .take_while(|b| b.is_ascii_digit());
    let text: String = digits.map(|b| char::from(*b)).collect();
    text.parse().ok()
}

//! A body cut into lines, as it comes in.
//!
//! A line is over with its newline, the last one also with the body. What a broken connection
//! leaves of a line is not one: nobody is to be sent half of what was meant.

use std::time::Duration;

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use http::{HeaderMap, StatusCode, header};
use http_body_util::BodyExt;
use tokio::sync::watch;

use super::super::error::Failure;

/// Octets of a line, at most: far above what the longest text takes, with every character
/// escaped.
pub(in super::super) const LINE_OCTETS_MAX: usize = 64 << 10;
/// A body of which nothing comes in this time is not being sent.
const BEGIN_WITHIN: Duration = Duration::from_secs(30);

/// True for a body that is to be read line by line.
pub(in super::super) fn is_lines(headers: &HeaderMap) -> bool {
    let Some(value) = headers.get(header::CONTENT_TYPE) else {
        return false;
    };
    let essence = value.as_bytes().split(|b| *b == b';').next();
    let essence = essence.unwrap_or_default().trim_ascii();
    [
        "application/x-ndjson",
        "application/ndjson",
        "application/jsonl",
    ]
    .iter()
    .any(|name| essence.eq_ignore_ascii_case(name.as_bytes()))
}

/// The lines of a body that are not blank, with their numbers from 1.
#[derive(Debug)]
pub(in super::super) struct Lines {
    body: Body,
    /// What has come and was not given out.
    rest: BytesMut,
    /// So much of it has no newline.
    searched: usize,
    /// The line is too long: what is left of it is thrown away.
    discards: bool,
    ended: bool,
    number: u64,
    /// False: the bridge is stopping, and takes no further line.
    admission: watch::Receiver<bool>,
}

/// A line with its number, or what is wrong with it.
type Line = (u64, Result<Bytes, Failure>);

enum Came {
    Octets,
    End,
    /// The bridge stops.
    Stop,
}

impl Lines {
    pub(in super::super) fn new(body: Body, admission: watch::Receiver<bool>) -> Lines {
        Lines {
            body,
            rest: BytesMut::new(),
            searched: 0,
            discards: false,
            ended: false,
            number: 0,
            admission,
        }
    }

    /// Waits for the first octets: whoever asked to be told to go on is told before the answer
    /// begins.
    pub(super) async fn begin(&mut self) -> Result<(), Failure> {
        match tokio::time::timeout(BEGIN_WITHIN, self.fill()).await {
            Ok(_) => Ok(()),
            Err(_) => Err(Failure::new(
                StatusCode::REQUEST_TIMEOUT,
                "The body did not arrive in time.",
            )),
        }
    }

    /// The next line; `None` after the last.
    pub(super) async fn next(&mut self) -> Option<Line> {
        loop {
            if self.ended && self.rest.is_empty() {
                return None;
            }
            if !*self.admission.borrow() {
                return Some(self.stop());
            }
            if let Some(line) = self.cut() {
                return Some(line);
            }
            if self.ended {
                continue;
            }
            if let Came::Stop = self.fill().await {
                return Some(self.stop());
            }
        }
    }

    /// The first line that is not taken any more is told so, and is the last that is read.
    fn stop(&mut self) -> Line {
        self.ended = true;
        self.rest.clear();
        self.body = Body::empty();
        let stopping = Failure::unavailable("The bridge is shutting down.");
        (self.number + 1, Err(stopping))
    }

    /// Cancel-safe: what has come is in `rest`.
    async fn fill(&mut self) -> Came {
        let admission = &mut self.admission;
        let stopped = async {
            // Without a sender nobody stops.
            if admission.wait_for(|open| !open).await.is_err() {
                std::future::pending::<()>().await;
            }
        };
        let frame = tokio::select! {
            frame = self.body.frame() => frame,
            () = stopped => return Came::Stop,
        };
        match frame {
            Some(Ok(frame)) => {
                if let Ok(data) = frame.into_data() {
                    self.rest.extend_from_slice(&data);
                }
                Came::Octets
            }
            Some(Err(_)) => {
                self.ended = true;
                // What came without its end.
                let whole = self.rest.iter().rposition(|b| *b == b'\n');
                self.rest.truncate(whole.map_or(0, |at| at + 1));
                Came::End
            }
            None => {
                self.ended = true;
                if !self.rest.is_empty() && self.rest.last() != Some(&b'\n') {
                    self.rest.extend_from_slice(b"\n");
                }
                Came::End
            }
        }
    }

    /// A whole line of what has come, or the beginning of one that is too long.
    fn cut(&mut self) -> Option<Line> {
        loop {
            let newline = self.rest[self.searched..].iter().position(|b| *b == b'\n');
            let Some(newline) = newline else {
                self.searched = self.rest.len();
                if self.searched <= LINE_OCTETS_MAX {
                    return None;
                }
                (self.searched, self.discards) = (0, true);
                self.rest.clear();
                return None;
            };
            let line = self.rest.split_to(self.searched + newline + 1).freeze();
            self.searched = 0;
            self.number += 1;
            if std::mem::take(&mut self.discards) || line.len() > LINE_OCTETS_MAX + 1 {
                return Some((self.number, Err(too_long())));
            }
            if !line.trim_ascii().is_empty() {
                return Some((self.number, Ok(line)));
            }
        }
    }
}

fn too_long() -> Failure {
    Failure::new(
        StatusCode::PAYLOAD_TOO_LARGE,
        format!("A line must have at most {LINE_OCTETS_MAX} octets."),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::stream;

    /// Numbers and texts of the lines; the status of a wrong one.
    async fn lines(
        pieces: Vec<Result<Vec<u8>, std::io::Error>>,
    ) -> Vec<(u64, Result<String, u16>)> {
        let (_open, admission) = watch::channel(true);
        let mut lines = Lines::new(Body::from_stream(stream::iter(pieces)), admission);
        lines.begin().await.unwrap();
        let mut all = Vec::new();
        while let Some((number, line)) = lines.next().await {
            let line = line.map(|l| String::from_utf8(l.to_vec()).unwrap().trim_end().to_owned());
            all.push((number, line.map_err(|f| f.status.as_u16())));
        }
        all
    }

    fn piece(text: &str) -> Result<Vec<u8>, std::io::Error> {
        Ok(text.as_bytes().to_vec())
    }

    fn line(number: u64, text: &str) -> (u64, Result<String, u16>) {
        (number, Ok(text.to_owned()))
    }

    #[tokio::test]
    async fn lines_are_cut_wherever_the_pieces_are() {
        let whole = lines(vec![piece("a\nb\r\n\n \nc")]).await;
        assert_eq!(whole, [line(1, "a"), line(2, "b"), line(5, "c")]);
        let pieces = "a\nb\r\n\n \nc".split("").map(piece).collect();
        assert_eq!(lines(pieces).await, whole);
        assert_eq!(lines(vec![]).await, []);
    }

    #[tokio::test]
    async fn half_a_line_of_a_broken_body_is_none() {
        let broken = std::io::Error::from(std::io::ErrorKind::ConnectionReset);
        let told = lines(vec![piece("a\nb\nhal"), Err(broken)]).await;
        assert_eq!(told, [line(1, "a"), line(2, "b")]);
    }

    #[tokio::test]
    async fn a_line_that_is_too_long_is_told_and_the_next_one_is_read() {
        let most = "x".repeat(LINE_OCTETS_MAX);
        let more = "y".repeat(LINE_OCTETS_MAX + 1);
        let much = "z".repeat(LINE_OCTETS_MAX);
        let pieces = vec![
            piece(&format!("{most}\n{more}\n")),
            piece(&much),
            piece(&much),
            piece(&format!("{much}\nb")),
        ];
        let told = lines(pieces).await;
        assert_eq!(
            told,
            [line(1, &most), (2, Err(413)), (3, Err(413)), line(4, "b")]
        );
    }

    #[tokio::test]
    async fn a_bridge_that_stops_says_so_once_and_reads_no_further() {
        let (open, admission) = watch::channel(true);
        let endless = stream::iter(vec![piece("a\nb\n")]).chain(stream::pending());
        let mut lines = Lines::new(Body::from_stream(endless), admission);
        assert!(lines.next().await.unwrap().1.is_ok());
        assert!(lines.next().await.unwrap().1.is_ok());
        open.send_replace(false);
        let (number, line) = lines.next().await.unwrap();
        assert_eq!((number, line.unwrap_err().status.as_u16()), (3, 503));
        assert!(lines.next().await.is_none());
    }

    use futures_util::StreamExt;
}

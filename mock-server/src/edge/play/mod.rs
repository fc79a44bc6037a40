//! A script on a connection of HTTP/1.1: played on the bare connection, because hyper writes no half answers and no garbage.

use std::time::{Duration, SystemTime};

use http::header::{CONNECTION, DATE, TRANSFER_ENCODING};
use http::response;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::time::{Instant, sleep, timeout};

use super::connection::IDLE;
use super::line::Reset;
use crate::clock::DayClock;
use crate::exchange::Play;
use crate::wire::{End, Step};

/// The status line and the headers as HTTP/1.1 writes them.
fn written(head: &response::Parts, date: SystemTime) -> Vec<u8> {
    let reason = head.status.canonical_reason().unwrap_or("Unknown");
    let mut text = format!("HTTP/1.1 {} {reason}\r\n", head.status.as_u16()).into_bytes();
    let of_the_connection = [CONNECTION, TRANSFER_ENCODING, DATE];
    for (name, value) in head.headers.iter().filter(|(name, _)| !of_the_connection.contains(name)) {
        text.extend([name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"].concat());
    }
    let date = httpdate::fmt_http_date(date);
    text.extend_from_slice(format!("date: {date}\r\nconnection: close\r\n\r\n").as_bytes());
    text
}

/// The client has gone, or does not take what it is sent.
struct Lost;

/// Plays a script on a connection of HTTP/1.1, to the connection's end.
pub(super) async fn play<T>(line: T, mut play: Play, reset: &Reset, clock: DayClock) -> Option<T>
where
    T: AsyncRead + AsyncWrite + Unpin,
{
    let (mut reader, mut writer) = tokio::io::split(line);
    if perform(&mut reader, &mut writer, &mut play, clock).await.is_err() {
        return None;
    }
    match play.end {
        End::Hang => until_gone(&mut reader).await,
        End::Reset => {
            // The entry is written before the client sees that the request is over.
            play.over();
            reset.set();
            return None;
        }
        End::Close => play.over(),
    }
    Some(reader.unsplit(writer))
}

async fn perform<T: AsyncRead + AsyncWrite + Unpin>(
    reader: &mut ReadHalf<T>,
    writer: &mut WriteHalf<T>,
    play: &mut Play,
    clock: DayClock,
) -> Result<(), Lost> {
    while let Some(step) = play.next() {
        let is_last = play.is_last() && play.end != End::Hang && !matches!(step, Step::Wait(_));
        if is_last {
            // Whoever has read the answer finds it in the ledger.
            play.played(&step);
            play.over();
        }
        match &step {
            Step::Wait(pause) => wait(reader, *pause).await?,
            Step::Head => write(writer, &written(&play.head(), clock.date(Instant::now()))).await?,
            Step::Body(bytes) | Step::Raw(bytes) => write(writer, bytes).await?,
        }
        if !is_last {
            play.played(&step);
        }
    }
    Ok(())
}

async fn write<T: AsyncWrite + Unpin>(writer: &mut T, bytes: &[u8]) -> Result<(), Lost> {
    let writing = async {
        writer.write_all(bytes).await?;
        writer.flush().await
    };
    timeout(IDLE, writing).await.map_err(|_| Lost)?.map_err(|_| Lost)
}

/// Waits for as long as the client is there.
async fn wait<T: AsyncRead + Unpin>(reader: &mut T, pause: Duration) -> Result<(), Lost> {
    tokio::select! {
        // A pause that has passed counts, although the client has gone meanwhile.
        biased;
        () = sleep(pause) => Ok(()),
        () = until_gone(reader) => Err(Lost),
    }
}

/// Waits until the client closes the connection. What it still sends is not looked at.
async fn until_gone<T: AsyncRead + Unpin>(reader: &mut T) {
    let mut unread = [0; 4096];
    while reader.read(&mut unread).await.is_ok_and(|length| length > 0) {}
}

#[cfg(test)]
mod tests;

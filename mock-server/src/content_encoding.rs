//! Bodies that a client compressed.
//!
//! A body that is read as it came is no JSON, and an API that answers 200 to whatever is wrong loses what was in it.

use std::io::Read;

use bytes::Bytes;
use flate2::bufread::MultiGzDecoder;
use http::header::CONTENT_ENCODING;
use http::{HeaderMap, StatusCode};

/// The encoding that is understood, as a header names it.
pub const UNDERSTOOD: &str = "gzip";

/// Why a body cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Undecoded {
    /// It is in another encoding, or in several.
    #[error("the body is encoded in a way that is not understood: send it as gzip, or as it is")]
    Unknown,
    /// It is not what its header says.
    #[error("the body is not the gzip that its header says")]
    Broken,
    /// It is too large once it is decoded.
    #[error("the body is too large once it is decoded")]
    TooLarge,
}

impl Undecoded {
    /// The status of the answer.
    pub fn status(self) -> StatusCode {
        match self {
            Self::Unknown => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Broken => StatusCode::BAD_REQUEST,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        }
    }
}

/// A body as it was before its client compressed it: never more than `most` bytes.
///
/// # Errors
/// When it cannot be had.
pub fn decoded(headers: &HeaderMap, body: Bytes, most: usize) -> Result<Bytes, Undecoded> {
    let named = headers.get_all(CONTENT_ENCODING).iter().flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
    let mut encodings = named.map(<[u8]>::trim_ascii).filter(|name| !name.is_empty() && !name.eq_ignore_ascii_case(b"identity"));
    let Some(encoding) = encodings.next() else { return Ok(body) };
    let is_gzip = [UNDERSTOOD, "x-gzip"].iter().any(|name| encoding.eq_ignore_ascii_case(name.as_bytes()));
    if !is_gzip || encodings.next().is_some() {
        return Err(Undecoded::Unknown);
    }
    let mut whole = Vec::new();
    let read = MultiGzDecoder::new(&body[..]).take(most as u64 + 1).read_to_end(&mut whole);
    match read {
        Ok(_) if whole.len() > most => Err(Undecoded::TooLarge),
        Ok(_) => Ok(whole.into()),
        Err(_) => Err(Undecoded::Broken),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;
    use http::HeaderValue;

    use super::*;

    fn gzip(text: &[u8]) -> Bytes {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap().into()
    }

    fn read(encodings: &[&'static str], body: Bytes) -> Result<Bytes, Undecoded> {
        let mut headers = HeaderMap::new();
        for encoding in encodings {
            headers.append(CONTENT_ENCODING, HeaderValue::from_static(encoding));
        }
        decoded(&headers, body, 1_000)
    }

    #[test]
    fn a_body_is_what_its_client_compressed() {
        for encodings in [&["gzip"][..], &["GZIP"], &["x-gzip"], &["identity, gzip"], &["", "gzip"]] {
            assert_eq!(read(encodings, gzip(b"{}")), Ok(Bytes::from_static(b"{}")), "{encodings:?}");
        }
        for encodings in [&[][..], &["identity"], &[" "]] {
            assert_eq!(read(encodings, Bytes::from_static(b"{}")), Ok(Bytes::from_static(b"{}")), "{encodings:?}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_refused_by_its_reason() {
        for encodings in [&["br"][..], &["deflate"], &["gzip, gzip"], &["gzip", "br"]] {
            assert_eq!(read(encodings, gzip(b"{}")).unwrap_err().status(), 415, "{encodings:?}");
        }
        assert_eq!(read(&["gzip"], Bytes::from_static(b"{}")).unwrap_err().status(), 400);
        let whole = gzip(&[b'x'; 1_000]);
        assert_eq!(read(&["gzip"], whole.clone()).unwrap().len(), 1_000);
        assert_eq!(read(&["gzip"], whole.slice(..whole.len() - 5)).unwrap_err().status(), 400, "it is cut");
        assert_eq!(read(&["gzip"], gzip(&vec![b'x'; 10_000_000])).unwrap_err().status(), 413, "a bomb");
    }
}

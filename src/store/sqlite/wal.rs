//! The write-ahead log read by ourselves, before SQLite does: it ends at the first frame that is broken, without a word.
//!
//! After a power cut the last transaction may be torn, and what is not whole was never acknowledged. But when a whole
//! transaction follows behind a broken frame, the broken one was on the disk: the log is damaged, and SQLite would drop all that
//! follows. A frame of an earlier round of the log has another salt, and says nothing. The format: sqlite.org/fileformat2.html.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

const HEADER: usize = 32;
const FRAME_HEADER: usize = 24;
const MAGIC: u32 = 0x377f_0682;
const LARGEST_PAGE: u32 = 65_536;
/// The page of the files that we make.
const OUR_PAGE: usize = 4_096;

/// Also a salt: two numbers.
type Pair = (u32, u32);

/// What is damaged in the log beside a file, if anything.
pub(super) fn damage(log: &Path) -> io::Result<Option<String>> {
    let file = match File::open(log) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        file => file?,
    };
    let mut reader = BufReader::with_capacity(1 << 20, file);
    let mut header = [0; HEADER];
    if reader.read_exact(&mut header).is_err() {
        return Ok(None);
    }
    let stored = pair(&header, 24);
    let big = number(&header, 0) & 1 == 1;
    let page = number(&header, 8);
    let fits = number(&header, 0) & !1 == MAGIC && summed((0, 0), &header[..24], big) == stored;
    if fits && page.is_power_of_two() && (512..=LARGEST_PAGE).contains(&page) {
        return behind_a_broken_frame(&mut reader, page as usize, stored, pair(&header, 16), big);
    }
    let mut first = vec![0; FRAME_HEADER + OUR_PAGE];
    let whole_frame = reader.read_exact(&mut first).is_ok()
        && [false, true].into_iter().any(|big| {
            [stored, summed((0, 0), &header[..24], big)].into_iter().any(|before| sum(&first, before, big) == pair(&first, 16))
        });
    Ok(whole_frame.then(|| "its header is broken, and whole frames follow".to_owned()))
}

/// Whether whole transactions of this round follow behind the transaction of a broken frame.
fn behind_a_broken_frame(reader: &mut impl Read, page: usize, header: Pair, salt: Pair, big: bool) -> io::Result<Option<String>> {
    let mut frame = vec![0; FRAME_HEADER + page];
    // The checksum of the frame before, as its bytes say and as it was stored: where it is broken, one of both is right.
    let (mut computed, mut stored) = (header, header);
    let mut broken = None;
    let mut ended = false;
    for index in 1_u64.. {
        match reader.read_exact(&mut frame) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => break,
            read => read?,
        }
        let (own, own_salt) = (pair(&frame, 16), pair(&frame, 8));
        let of_stored = sum(&frame, stored, big);
        let fits = of_stored == own || sum(&frame, computed, big) == own;
        let is_whole = fits && own_salt == salt;
        // Rounds differ in both numbers of their salt.
        let is_flipped = own_salt.0 == salt.0 || own_salt.1 == salt.1;
        match broken {
            Some(first) if is_whole && ended => {
                let what = format!("frame {first} is broken, and whole transactions follow it (frame {index} among them)");
                return Ok(Some(what));
            }
            None if !is_whole => {
                broken = Some(index);
                ended = is_flipped && number(&frame, 4) != 0;
            }
            Some(_) => ended |= is_whole && number(&frame, 4) != 0,
            None => {}
        }
        (computed, stored) = (of_stored, own);
    }
    Ok(None)
}

fn sum(frame: &[u8], before: Pair, big: bool) -> Pair {
    summed(summed(before, &frame[..8], big), &frame[FRAME_HEADER..], big)
}

fn pair(bytes: &[u8], at: usize) -> Pair {
    (number(bytes, at), number(bytes, at + 4))
}

fn number(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

/// SQLite's checksum of a log, over words of the order that its magic number says.
fn summed((mut first, mut second): Pair, bytes: &[u8], big: bool) -> Pair {
    let word = |bytes: &[u8]| {
        let bytes = [bytes[0], bytes[1], bytes[2], bytes[3]];
        if big { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) }
    };
    for pair in bytes.chunks_exact(8) {
        first = first.wrapping_add(word(pair)).wrapping_add(second);
        second = second.wrapping_add(word(&pair[4..])).wrapping_add(first);
    }
    (first, second)
}

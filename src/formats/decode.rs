//! Foreign bytes as lines of text: encodings, line ends, and a bound on a line's length.

use std::borrow::Cow;
use std::io::{self, BufRead, BufReader, Read};

use encoding_rs::{CoderResult, Decoder, Encoding, UTF_16BE, UTF_16LE, WINDOWS_1252};

/// A line longer than this, in bytes, is skipped unless the reader is told another bound.
pub const LINE_MAX: usize = 64 * 1024;

/// Lines of a text in UTF-8, UTF-16 (with or without a byte-order mark) or Latin-1 (as Windows-1252), ended by LF, CR or CRLF.
///
/// Latin-1 is told line by line, since files are put together from several. Holds one line and one buffer at a time.
pub struct Lines<'a> {
    input: Box<dyn BufRead + 'a>,
    buffer: Vec<u8>,
    number: u64,
    after_cr: bool,
    max: usize,
}

/// One line.
#[derive(Debug, PartialEq, Eq)]
pub enum Line<'a> {
    /// Its text, without its end.
    Text(Cow<'a, str>),
    /// It is longer than the bound and was skipped.
    TooLong,
}

impl<'a> Lines<'a> {
    /// Lines of `input`, from its first byte, of at most `max` bytes.
    ///
    /// # Errors
    /// What reading gives.
    pub fn within(max: usize, input: &'a mut dyn BufRead) -> io::Result<Self> {
        let start = input.fill_buf()?;
        let (utf16, mark) = detect(start);
        input.consume(mark);
        let input: Box<dyn BufRead + 'a> = match utf16 {
            Some(encoding) => Box::new(BufReader::new(Transcoded::new(input, encoding))),
            None => Box::new(input),
        };
        Ok(Self { input, buffer: Vec::new(), number: 0, after_cr: false, max })
    }

    /// The number of the line that was read last, from 1.
    pub const fn number(&self) -> u64 {
        self.number
    }

    /// The next line; `None` at the end.
    ///
    /// # Errors
    /// What reading gives.
    pub fn read(&mut self) -> io::Result<Option<Line<'_>>> {
        self.buffer.clear();
        let (mut any, mut fits) = (false, true);
        loop {
            let chunk = match self.input.fill_buf() {
                Ok(chunk) => chunk,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            if chunk.is_empty() {
                break;
            }
            let skipped = usize::from(std::mem::take(&mut self.after_cr) && chunk[0] == b'\n');
            let chunk = &chunk[skipped..];
            any |= !chunk.is_empty();
            let end = chunk.iter().position(|&byte| matches!(byte, b'\n' | b'\r'));
            let text = &chunk[..end.unwrap_or(chunk.len())];
            fits &= self.buffer.len() + text.len() <= self.max;
            if fits {
                self.buffer.extend_from_slice(text);
            }
            self.after_cr = end.is_some_and(|end| chunk[end] == b'\r');
            let used = skipped + text.len() + usize::from(end.is_some());
            self.input.consume(used);
            if end.is_some() {
                break;
            }
        }
        if !any {
            return Ok(None);
        }
        self.number += 1;
        Ok(Some(if fits { Line::Text(text(&self.buffer)) } else { Line::TooLong }))
    }
}

/// UTF-8, or else Windows-1252, which is what Latin-1 means in practice.
fn text(bytes: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => WINDOWS_1252.decode_without_bom_handling(bytes).0,
    }
}

/// The encoding if it is UTF-16, and the length of the byte-order mark.
fn detect(start: &[u8]) -> (Option<&'static Encoding>, usize) {
    if let Some((encoding, length)) = Encoding::for_bom(start) {
        return (Some(encoding).filter(|&encoding| encoding != encoding_rs::UTF_8), length);
    }
    // Without a mark: ASCII in UTF-16 has a zero in every other byte.
    let head = &start[..start.len().min(256) & !1];
    let zeros = |odd: usize| head.iter().skip(odd).step_by(2).filter(|&&byte| byte == 0).count();
    let (even, odd, pairs) = (zeros(0), zeros(1), head.len() / 2);
    match pairs {
        0 | 1 => (None, 0),
        _ if odd * 10 > pairs * 7 && even == 0 => (Some(UTF_16LE), 0),
        _ if even * 10 > pairs * 7 && odd == 0 => (Some(UTF_16BE), 0),
        _ => (None, 0),
    }
}

/// UTF-16 as UTF-8; what cannot be decoded becomes U+FFFD.
struct Transcoded<'a> {
    input: &'a mut dyn BufRead,
    decoder: Decoder,
    done: bool,
}

impl<'a> Transcoded<'a> {
    fn new(input: &'a mut dyn BufRead, encoding: &'static Encoding) -> Self {
        Self { input, decoder: encoding.new_decoder_without_bom_handling(), done: false }
    }
}

impl Read for Transcoded<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        // The decoder needs room for one character.
        let mut small = [0; 16];
        let direct = out.len() >= small.len();
        while !self.done {
            let source = self.input.fill_buf()?;
            let last = source.is_empty();
            let target = if direct { &mut *out } else { &mut small[..] };
            let (result, used, written, _) = self.decoder.decode_to_utf8(source, target, last);
            self.input.consume(used);
            self.done = last && result == CoderResult::InputEmpty;
            if written > 0 && direct {
                return Ok(written);
            }
            if written > 0 {
                return Err(io::Error::new(io::ErrorKind::InvalidInput, "a buffer of fewer than 16 bytes"));
            }
        }
        Ok(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(bytes: &[u8]) -> Vec<String> {
        let mut input = BufReader::with_capacity(7.max(bytes.len() / 3), bytes);
        let mut lines = Lines::within(LINE_MAX, &mut input).expect("reading a slice");
        let mut found = Vec::new();
        while let Some(line) = lines.read().expect("reading a slice") {
            found.push(match line {
                Line::Text(text) => text.into_owned(),
                Line::TooLong => "too long".to_owned(),
            });
        }
        assert_eq!(lines.number(), found.len() as u64);
        found
    }

    #[test]
    fn every_line_end_ends_one_line() {
        assert_eq!(lines(b"a\nb\r\nc\rd\n\ne"), ["a", "b", "c", "d", "", "e"]);
        assert_eq!(lines(b"a\r\n"), ["a"]);
        assert_eq!(lines(b""), [""; 0]);
    }

    #[test]
    fn encodings_found_in_the_wild_are_read() {
        let utf16 = |text: &str, big: bool| -> Vec<u8> {
            text.encode_utf16().flat_map(|unit| if big { unit.to_be_bytes() } else { unit.to_le_bytes() }).collect()
        };
        let text = "example.com\r\nbücher.example\n";
        let expected = ["example.com", "bücher.example"];
        assert_eq!(lines(text.as_bytes()), expected);
        assert_eq!(lines(format!("\u{feff}{text}").as_bytes()), expected);
        for big in [false, true] {
            assert_eq!(lines(&utf16(&format!("\u{feff}{text}"), big)), expected);
            assert_eq!(lines(&utf16(text, big)), expected);
        }
        assert_eq!(lines(b"Jos\xe9\nb\xc3\xbccher\n"), ["José", "bücher"]);
    }

    #[test]
    fn a_line_without_an_end_costs_no_memory_and_no_other_line() {
        let bytes = [b"a\n".as_slice(), &vec![b'x'; LINE_MAX + 1], b"\r\nb\n", &vec![b'y'; LINE_MAX]].concat();
        let found = lines(&bytes);
        assert_eq!(found[..3], ["a", "too long", "b"]);
        assert_eq!(found[3].len(), LINE_MAX);
    }
}

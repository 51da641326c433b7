//! A pull reader that walks foreign JSON of any size without holding more than one value of it.
//!
//! It finds where values begin and end; what is inside a captured value is judged by `serde_json` (whose own limit of 128
//! levels holds there). So one broken object costs itself, not the file, and an object that is too long is passed over in
//! constant memory.

use std::io::{self, BufRead};

/// The longest single object or attribute that is read, 16 MiB.
pub const VALUE_BYTES_MAX: usize = 16 << 20;
/// The longest key, in bytes.
const KEY_BYTES_MAX: usize = 1 << 10;

/// A place in a file. All three count from where a person counts: byte from 0, line and column from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// Bytes before it.
    pub byte: u64,
    /// Its line.
    pub line: u64,
    /// Its column, in bytes.
    pub column: u64,
}

impl std::fmt::Display for Position {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "line {}, column {} (byte {})", self.line, self.column, self.byte)
    }
}

impl Position {
    const START: Self = Self { byte: 0, line: 1, column: 1 };

    fn pass(&mut self, bytes: &[u8]) {
        self.byte += bytes.len() as u64;
        match memchr::memrchr(b'\n', bytes) {
            None => self.column += bytes.len() as u64,
            Some(last) => {
                self.line += memchr::memchr_iter(b'\n', bytes).count() as u64;
                self.column = (bytes.len() - last) as u64;
            }
        }
    }

    /// The place of a `serde_json` error inside a value that starts here.
    pub fn inside(self, error: &serde_json::Error) -> (u64, u64) {
        match error.line() as u64 {
            0 | 1 => (self.line, self.column + (error.column() as u64).saturating_sub(1)),
            line => (self.line + line - 1, error.column() as u64),
        }
    }
}

/// Why the walk cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum JsonError {
    /// The input failed.
    #[error("failed to read the input: {0}")]
    Input(#[from] io::Error),
    /// The bytes are not JSON.
    #[error("{what} at {at}")]
    Syntax {
        /// Where.
        at: Position,
        /// What was met and expected.
        what: String,
    },
}

/// What came of capturing a value.
#[derive(Debug, PartialEq, Eq)]
pub enum Captured {
    /// All of it is in the buffer.
    Whole,
    /// It was longer than the limit and was passed over; the buffer is empty.
    TooLong,
}

/// The reader. It keeps no more than its place.
pub struct Reader<'a> {
    input: &'a mut dyn BufRead,
    at: Position,
}

impl<'a> Reader<'a> {
    /// Starts at the input's first byte; a byte order mark is passed over.
    pub fn new(input: &'a mut dyn BufRead) -> Result<Self, JsonError> {
        let mut reader = Self { input, at: Position::START };
        for byte in *b"\xef\xbb\xbf" {
            match reader.peek()? {
                Some(next) if next == byte => reader.bump()?,
                Some(_) if reader.at.byte > 0 => return Err(reader.unexpected("a byte order mark")),
                _ => break,
            }
        }
        Ok(reader)
    }

    /// Where the next byte stands.
    pub const fn position(&self) -> Position {
        self.at
    }

    fn buffer(&mut self) -> Result<&[u8], JsonError> {
        loop {
            match self.input.fill_buf() {
                Ok(_) => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(self.input.fill_buf()?)
    }

    fn peek(&mut self) -> Result<Option<u8>, JsonError> {
        Ok(self.buffer()?.first().copied())
    }

    fn bump(&mut self) -> Result<(), JsonError> {
        if let Some(byte) = self.peek()? {
            self.at.pass(&[byte]);
            self.input.consume(1);
        }
        Ok(())
    }

    /// The next byte that is not blank, not yet taken. Commas between documents and record separators (RFC 7464) count as
    /// blank when `between` documents.
    pub fn next_byte(&mut self, between: bool) -> Result<Option<u8>, JsonError> {
        while let Some(byte) = self.peek()? {
            match byte {
                b' ' | b'\t' | b'\r' | b'\n' => self.bump()?,
                b',' | 0x1e if between => self.bump()?,
                _ => return Ok(Some(byte)),
            }
        }
        Ok(None)
    }

    /// Takes the `[` or `{` that [`Self::next_byte`] has shown.
    pub fn open(&mut self) -> Result<(), JsonError> {
        self.bump()
    }

    /// Whether another element follows in the array; takes the comma before it or the `]` after the last one.
    ///
    /// A comma too many or too few is borne: the elements are whole either way.
    pub fn next_element(&mut self) -> Result<bool, JsonError> {
        loop {
            match self.next_byte(false)? {
                Some(b',') => self.bump()?,
                Some(b']') => return self.bump().map(|()| false),
                Some(b'}' | b':') => return Err(self.unexpected("a value or `]`")),
                Some(_) => return Ok(true),
                None => return Err(self.ended()),
            }
        }
    }

    /// The next key of the object, its colon taken; `None` after the closing `}`.
    pub fn next_key(&mut self) -> Result<Option<String>, JsonError> {
        loop {
            match self.next_byte(false)? {
                Some(b',') => self.bump()?,
                Some(b'}') => return self.bump().map(|()| None),
                Some(b'"') => break,
                Some(_) => return Err(self.unexpected("a key in double quotes")),
                None => return Err(self.ended()),
            }
        }
        let mut raw = Vec::new();
        let start = self.at;
        let captured = self.capture(&mut raw, KEY_BYTES_MAX)?;
        let bad = |what: &str| JsonError::Syntax { at: start, what: what.into() };
        if captured == Captured::TooLong {
            return Err(bad("a key longer than 1,024 bytes"));
        }
        let key = serde_json::from_slice(&raw).map_err(|_| bad("a key that is not a string"))?;
        match self.next_byte(false)? {
            Some(b':') => self.bump()?,
            Some(_) => return Err(self.unexpected("`:`")),
            None => return Err(self.ended()),
        }
        Ok(Some(key))
    }

    /// Appends the next value's bytes to `into`, as they stand; passes over what is longer than `limit` bytes.
    ///
    /// # Errors
    /// The input fails or ends inside the value.
    pub fn capture(&mut self, into: &mut Vec<u8>, limit: usize) -> Result<Captured, JsonError> {
        self.next_byte(false)?;
        let kept = into.len();
        let mut scan = Scan::default();
        let mut length = 0_usize;
        loop {
            let buffer = self.input.fill_buf()?;
            if buffer.is_empty() {
                if scan.ends_with_input() {
                    break;
                }
                return Err(self.ended());
            }
            let (taken, done) = scan.take(buffer);
            length = length.saturating_add(taken);
            if length <= limit {
                into.extend_from_slice(&buffer[..taken]);
            }
            self.at.pass(&buffer[..taken]);
            self.input.consume(taken);
            if done {
                break;
            }
        }
        if length > limit {
            into.truncate(kept);
            return Ok(Captured::TooLong);
        }
        if length == 0 {
            return Err(self.unexpected("a value"));
        }
        Ok(Captured::Whole)
    }

    /// Passes over the next value in constant memory.
    pub fn skip(&mut self) -> Result<(), JsonError> {
        self.capture(&mut Vec::new(), 0).map(|_| ())
    }

    /// The error for what stands here instead of `expected`.
    pub fn unexpected(&mut self, expected: &str) -> JsonError {
        match self.peek() {
            Ok(Some(byte)) => {
                let what = format!("{expected} was expected, not `{}`,", byte.escape_ascii());
                JsonError::Syntax { at: self.at, what }
            }
            Ok(None) => self.ended(),
            Err(error) => error,
        }
    }

    fn ended(&self) -> JsonError {
        JsonError::Syntax { at: self.at, what: "the input ends in the middle of a value".into() }
    }
}

/// Finds the end of one value. A string ends at the end of its line even without its quote, as JSON allows no raw line break
/// inside, so one missing quote does not swallow the rest of a file.
#[derive(Default)]
struct Scan {
    depth: usize,
    in_string: bool,
    escaped: bool,
    scalar: bool,
    whole: bool,
}

impl Scan {
    /// How many of `bytes` belong to the value, and whether it ends with them.
    fn take(&mut self, bytes: &[u8]) -> (usize, bool) {
        let mut index = 0;
        while let Some(byte) = bytes.get(index) {
            if self.in_string {
                if !self.escaped {
                    // Most of a file is inside strings, where three bytes alone mean something.
                    let rest = &bytes[index..];
                    index += memchr::memchr3(b'"', b'\\', b'\n', rest).unwrap_or(rest.len());
                }
                let Some(byte) = bytes.get(index) else { break };
                self.string_byte(*byte);
                index += 1;
                if self.whole {
                    return (index, true);
                }
                continue;
            }
            match byte {
                b'"' => self.in_string = true,
                b'{' | b'[' if !self.scalar => self.depth += 1,
                b'}' | b']' if self.depth > 0 => {
                    self.depth -= 1;
                    if self.depth == 0 {
                        return (index + 1, true);
                    }
                }
                b'}' | b']' | b',' | b':' | b'{' | b'[' | b' ' | b'\t' | b'\r' | b'\n' if self.depth == 0 => return (index, true),
                _ if self.depth == 0 => self.scalar = true,
                _ => {}
            }
            index += 1;
        }
        (bytes.len(), false)
    }

    fn string_byte(&mut self, byte: u8) {
        let ends = match byte {
            _ if self.escaped => {
                self.escaped = false;
                byte == b'\n'
            }
            b'\\' => {
                self.escaped = true;
                false
            }
            b'"' | b'\n' => true,
            _ => false,
        };
        if ends {
            self.in_string = false;
            self.whole = self.depth == 0;
        }
    }

    /// A bare number or word may end where the input does.
    const fn ends_with_input(&self) -> bool {
        self.scalar && self.depth == 0 && !self.in_string
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn elements(text: &str) -> Result<Vec<String>, String> {
        // One byte at a time, so that every state survives the end of a buffer.
        let mut input = io::BufReader::with_capacity(1, text.as_bytes());
        let mut reader = Reader::new(&mut input).map_err(|error| error.to_string())?;
        reader.next_byte(false).and_then(|_| reader.open()).map_err(|error| error.to_string())?;
        let mut found = Vec::new();
        while reader.next_element().map_err(|error| error.to_string())? {
            let mut raw = Vec::new();
            match reader.capture(&mut raw, 20).map_err(|error| error.to_string())? {
                Captured::Whole => found.push(String::from_utf8(raw).expect("text")),
                Captured::TooLong => found.push("too long".into()),
            }
        }
        Ok(found)
    }

    #[test]
    fn values_are_captured_as_they_stand() {
        let found = elements(r#"[ {"a":"]}\""} , [1,[2]],"x,\\" , -1.5e3,true,null ]"#).expect("sound");
        assert_eq!(found, [r#"{"a":"]}\""}"#, "[1,[2]]", r#""x,\\""#, "-1.5e3", "true", "null"]);
    }

    #[test]
    fn a_value_that_is_too_long_is_passed_over() {
        let found = elements(r#"[1,{"a":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"},2]"#).expect("sound");
        assert_eq!(found, ["1", "too long", "2"]);
    }

    #[test]
    fn commas_too_many_or_too_few_cost_nothing() {
        assert_eq!(elements("[{} {},,{},]").expect("borne"), ["{}", "{}", "{}"]);
    }

    #[test]
    fn the_end_in_the_middle_says_where() {
        let error = elements("[1,\n {\"a\":").expect_err("cut");
        assert_eq!(error, "the input ends in the middle of a value at line 2, column 7 (byte 10)");
    }

    #[test]
    fn a_missing_quote_ends_with_its_line() {
        let found = elements("[{\"a\":\"b\n},\n{\"c\":1}]").expect("recovers");
        assert_eq!(found, ["{\"a\":\"b\n}", "{\"c\":1}"]);
    }

    #[test]
    fn a_hundred_thousand_brackets_need_no_stack() {
        let text = "[".repeat(100_000);
        assert!(elements(&text).is_err());
    }

    #[test]
    fn a_byte_order_mark_is_passed_over() {
        assert_eq!(elements("\u{feff}[1]").expect("sound"), ["1"]);
    }
}

//! The bytes of statements: fields in a fixed order, big-endian, variable ones with their length (u16) before them.

/// The bytes were not a statement: they end early, go on too long, or a count is out of range.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("malformed {0}")]
pub struct Malformed(pub &'static str);

/// Writes fields one after the other.
#[derive(Default)]
pub(super) struct Writer(pub(super) Vec<u8>);

impl Writer {
    pub(super) fn fixed(mut self, bytes: &[u8]) -> Self {
        self.0.extend_from_slice(bytes);
        self
    }

    /// # Panics
    /// Above 65,535 bytes; every caller has a lower bound of its own.
    pub(super) fn bytes(self, bytes: &[u8]) -> Self {
        let length = u16::try_from(bytes.len()).expect("fields are bounded below 64 KiB by their makers");
        self.fixed(&length.to_be_bytes()).fixed(bytes)
    }

    /// A count (u8), then each item.
    ///
    /// # Panics
    /// Above 255 items; every caller has a lower bound of its own.
    pub(super) fn list<T>(self, items: &[T], write: impl Fn(Self, &T) -> Self) -> Self {
        let count = u8::try_from(items.len()).expect("lists are bounded below 256 by their makers");
        items.iter().fold(self.fixed(&[count]), write)
    }
}

/// Reads what [`Writer`] writes; never allocates more than it was given.
pub(super) struct Reader<'a> {
    rest: &'a [u8],
    what: &'static str,
}

impl<'a> Reader<'a> {
    pub(super) const fn new(bytes: &'a [u8], what: &'static str) -> Self {
        Self { rest: bytes, what }
    }

    pub(super) fn take(&mut self, count: usize) -> Result<&'a [u8], Malformed> {
        let (head, rest) = self.rest.split_at_checked(count).ok_or(Malformed(self.what))?;
        self.rest = rest;
        Ok(head)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let what = self.what;
        self.take(N)?.try_into().map_err(|_| Malformed(what))
    }

    pub(super) fn u16(&mut self) -> Result<u16, Malformed> {
        Ok(u16::from_be_bytes(self.array()?))
    }

    pub(super) fn u32(&mut self) -> Result<u32, Malformed> {
        Ok(u32::from_be_bytes(self.array()?))
    }

    pub(super) fn u64(&mut self) -> Result<u64, Malformed> {
        Ok(u64::from_be_bytes(self.array()?))
    }

    pub(super) fn bytes(&mut self) -> Result<&'a [u8], Malformed> {
        let length = self.u16()?;
        self.take(usize::from(length))
    }

    pub(super) fn list<T>(&mut self, max: usize, mut read: impl FnMut(&mut Self) -> Result<T, Malformed>) -> Result<Vec<T>, Malformed> {
        let [count] = self.array::<1>()?;
        if usize::from(count) > max {
            return Err(Malformed(self.what));
        }
        (0..count).map(|_| read(self)).collect()
    }

    /// Refuses an unknown version byte and bytes left over alike.
    pub(super) fn version(&mut self, expected: u8) -> Result<(), Malformed> {
        if self.array()? == [expected] { Ok(()) } else { Err(Malformed(self.what)) }
    }

    pub(super) fn end(self) -> Result<(), Malformed> {
        if self.rest.is_empty() { Ok(()) } else { Err(Malformed(self.what)) }
    }
}

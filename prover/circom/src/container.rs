//! The outer form that all three formats share: four letters, a version, and numbered sections with their lengths.
//! Integers are little-endian.

use crate::CircomError;

/// One of the three formats.
pub(crate) struct Format {
    /// Four letters, also the file's extension.
    pub(crate) name: &'static str,
    pub(crate) version: u32,
    /// The highest section number; sections are numbered from 1.
    pub(crate) sections: u32,
}

/// The sections of a file, each at most once.
pub(crate) struct Sections<'a>(Vec<Option<&'a [u8]>>);

impl<'a> Sections<'a> {
    /// Splits a file; every byte belongs to a section.
    pub(crate) fn split(format: &Format, bytes: &'a [u8]) -> Result<Self, CircomError> {
        let mut reader = Reader::new(bytes, "header");
        if reader.take(4).ok() != Some(format.name.as_bytes()) {
            return Err(CircomError::Magic(format.name));
        }
        let version = reader.u32()?;
        if version != format.version {
            return Err(CircomError::Version {
                format: format.name,
                expected: format.version,
                got: version,
            });
        }
        let count = reader.u32()?;
        let mut sections = vec![None; format.sections as usize];
        for _ in 0..count {
            let number = reader.u32()?;
            let length = reader.u64()?;
            let place = (number as usize)
                .checked_sub(1)
                .and_then(|i| sections.get_mut(i))
                .filter(|place| place.is_none())
                .ok_or(CircomError::Section(number))?;
            reader.within = "sections";
            let length = usize::try_from(length).map_err(|_| CircomError::Truncated("sections"))?;
            *place = Some(reader.take(length)?);
        }
        match reader.rest.len() {
            0 => Ok(Self(sections)),
            left => Err(CircomError::Trailing(left)),
        }
    }

    /// The section of this number.
    pub(crate) fn get(&self, number: u32, name: &'static str) -> Result<Reader<'a>, CircomError> {
        let found = (number as usize).checked_sub(1).and_then(|i| *self.0.get(i)?);
        found
            .map(|bytes| Reader::new(bytes, name))
            .ok_or(CircomError::Missing(name))
    }
}

/// Takes little-endian numbers off the front of a section.
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
    /// Names the section in errors.
    pub(crate) within: &'static str,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(rest: &'a [u8], within: &'static str) -> Self {
        Self { rest, within }
    }

    pub(crate) fn remaining(&self) -> usize {
        self.rest.len()
    }

    pub(crate) fn take(&mut self, length: usize) -> Result<&'a [u8], CircomError> {
        let (head, tail) = self
            .rest
            .split_at_checked(length)
            .ok_or(CircomError::Truncated(self.within))?;
        self.rest = tail;
        Ok(head)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], CircomError> {
        let mut out = [0; N];
        out.copy_from_slice(self.take(N)?);
        Ok(out)
    }

    pub(crate) fn u8(&mut self) -> Result<u8, CircomError> {
        Ok(self.array::<1>()?[0])
    }

    pub(crate) fn u32(&mut self) -> Result<u32, CircomError> {
        self.array().map(u32::from_le_bytes)
    }

    pub(crate) fn u64(&mut self) -> Result<u64, CircomError> {
        self.array().map(u64::from_le_bytes)
    }

    /// A number from `min` to `max`.
    pub(crate) fn count(&mut self, what: &'static str, min: usize, max: usize) -> Result<usize, CircomError> {
        let got = self.u32()?;
        if (min..=max).contains(&(got as usize)) {
            return Ok(got as usize);
        }
        Err(CircomError::Range {
            what,
            min: min as u64,
            max: max as u64,
            got: u64::from(got),
        })
    }

    /// What is left, which must be `count` times `size` bytes.
    pub(crate) fn all(self, count: usize, size: usize) -> Result<&'a [u8], CircomError> {
        // Counts are at most 2^27 and sizes at most 128, so the product fits.
        let expected = count as u64 * size as u64;
        if self.rest.len() as u64 == expected {
            return Ok(self.rest);
        }
        Err(CircomError::Length {
            section: self.within,
            expected,
            got: self.rest.len() as u64,
        })
    }

    /// The section ends here.
    pub(crate) fn end(self) -> Result<(), CircomError> {
        self.all(0, 0).map(|_| ())
    }
}

/// Puts sections together to a file.
pub(crate) struct Writer(Vec<u8>);

impl Writer {
    /// Begins a file of `sections` sections; `capacity` bytes are reserved, so that a file with secrets is
    /// never moved while it grows.
    pub(crate) fn new(format: &Format, sections: u32, capacity: usize) -> Self {
        let mut out = Vec::with_capacity(capacity);
        out.extend(format.name.as_bytes());
        out.extend(format.version.to_le_bytes());
        out.extend(sections.to_le_bytes());
        Self(out)
    }

    /// Adds a section of `length` bytes, which `fill` appends.
    pub(crate) fn section(&mut self, number: u32, length: usize, fill: impl FnOnce(&mut Vec<u8>)) {
        self.0.extend(number.to_le_bytes());
        self.0.extend((length as u64).to_le_bytes());
        let begin = self.0.len();
        fill(&mut self.0);
        debug_assert_eq!(self.0.len() - begin, length);
    }

    pub(crate) fn finish(self) -> Vec<u8> {
        self.0
    }
}

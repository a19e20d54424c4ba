//! Bytes of what a holder is handed and keeps: one form for each value, lengths checked, nothing left over
//! (`docs/format.md`, section 23).

use medproof_verifier::{
    Day, Fr, Name,
    field::{fr_from_be_bytes, fr_to_be_bytes},
};
use zeroize::Zeroizing;

/// A value that is not in its only form. Never shows the value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {what}")]
pub struct FormatError {
    /// The field.
    pub field: &'static str,
    /// What is wrong with it.
    pub what: String,
}

impl FormatError {
    /// A fault of a field.
    pub fn new(field: &'static str, what: impl Into<String>) -> Self {
        Self {
            field,
            what: what.into(),
        }
    }
}

/// Collects bytes that may be secret; wiped on drop.
pub struct Writer(Zeroizing<Vec<u8>>);

impl Default for Writer {
    fn default() -> Self {
        // Room enough for most files: growing would leave copies behind.
        Self(Zeroizing::new(Vec::with_capacity(256 * 1024)))
    }
}

impl Writer {
    /// The bytes.
    pub fn finish(self) -> Zeroizing<Vec<u8>> {
        self.0
    }

    /// Bytes of a known length.
    pub fn raw(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    /// One byte.
    pub fn u8(&mut self, value: u8) {
        self.0.push(value);
    }

    /// Two bytes.
    pub fn u16(&mut self, value: u16) {
        self.raw(&value.to_be_bytes());
    }

    /// Four bytes.
    pub fn u32(&mut self, value: u32) {
        self.raw(&value.to_be_bytes());
    }

    /// Eight bytes.
    pub fn u64(&mut self, value: u64) {
        self.raw(&value.to_be_bytes());
    }

    /// Sixteen bytes.
    pub fn u128(&mut self, value: u128) {
        self.raw(&value.to_be_bytes());
    }

    /// A day.
    pub fn day(&mut self, day: Day) {
        self.u16(day.0);
    }

    /// A field element.
    pub fn fr(&mut self, value: &Fr) {
        self.raw(&*Zeroizing::new(fr_to_be_bytes(value)));
    }

    /// A name with its length.
    pub fn name(&mut self, name: &Name) {
        // A name has at most 30 bytes.
        self.u8(name.as_str().len() as u8);
        self.raw(name.as_str().as_bytes());
    }

    /// 1 and the value, or 0.
    pub fn option<T>(&mut self, value: Option<T>, write: impl FnOnce(&mut Self, T)) {
        self.u8(value.is_some().into());
        if let Some(value) = value {
            write(self, value);
        }
    }

    /// A list with its length; callers keep it within the limit of its reader.
    pub fn list<T>(&mut self, items: &[T], mut write: impl FnMut(&mut Self, &T)) {
        self.u16(items.len() as u16);
        for item in items {
            write(self, item);
        }
    }
}

/// Reads what [`Writer`] wrote.
pub struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    /// A reader of these bytes.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// Nothing may be left.
    ///
    /// # Errors
    /// [`FormatError`] when something is.
    pub fn finish(self) -> Result<(), FormatError> {
        match self.0.len() {
            0 => Ok(()),
            n => Err(FormatError::new("end", format!("{n} bytes too many"))),
        }
    }

    /// The next bytes.
    ///
    /// # Errors
    /// [`FormatError`] when there are not as many.
    pub fn raw(&mut self, field: &'static str, length: usize) -> Result<&'a [u8], FormatError> {
        let split = self.0.split_at_checked(length);
        let (taken, rest) = split.ok_or_else(|| FormatError::new(field, "the file ends too early"))?;
        self.0 = rest;
        Ok(taken)
    }

    /// The next bytes as an array.
    ///
    /// # Errors
    /// As [`Reader::raw`].
    pub fn array<const N: usize>(&mut self, field: &'static str) -> Result<[u8; N], FormatError> {
        let bytes = self.raw(field, N)?;
        // `raw` gives N bytes.
        Ok(bytes.try_into().unwrap_or([0; N]))
    }

    /// One byte.
    ///
    /// # Errors
    /// As [`Reader::raw`], as all that follow.
    pub fn u8(&mut self, field: &'static str) -> Result<u8, FormatError> {
        Ok(u8::from_be_bytes(self.array(field)?))
    }

    /// Two bytes.
    ///
    /// # Errors
    /// [`FormatError`].
    pub fn u16(&mut self, field: &'static str) -> Result<u16, FormatError> {
        Ok(u16::from_be_bytes(self.array(field)?))
    }

    /// Four bytes.
    ///
    /// # Errors
    /// [`FormatError`].
    pub fn u32(&mut self, field: &'static str) -> Result<u32, FormatError> {
        Ok(u32::from_be_bytes(self.array(field)?))
    }

    /// Eight bytes.
    ///
    /// # Errors
    /// [`FormatError`].
    pub fn u64(&mut self, field: &'static str) -> Result<u64, FormatError> {
        Ok(u64::from_be_bytes(self.array(field)?))
    }

    /// Sixteen bytes.
    ///
    /// # Errors
    /// [`FormatError`].
    pub fn u128(&mut self, field: &'static str) -> Result<u128, FormatError> {
        Ok(u128::from_be_bytes(self.array(field)?))
    }

    /// A day.
    ///
    /// # Errors
    /// [`FormatError`].
    pub fn day(&mut self, field: &'static str) -> Result<Day, FormatError> {
        self.u16(field).map(Day)
    }

    /// A canonical field element.
    ///
    /// # Errors
    /// [`FormatError`].
    pub fn fr(&mut self, field: &'static str) -> Result<Fr, FormatError> {
        let bytes = Zeroizing::new(self.array::<32>(field)?);
        fr_from_be_bytes(&bytes).map_err(|e| FormatError::new(field, e.to_string()))
    }

    /// A name.
    ///
    /// # Errors
    /// [`FormatError`].
    pub fn name(&mut self, field: &'static str) -> Result<Name, FormatError> {
        let length = self.u8(field)?;
        let text = std::str::from_utf8(self.raw(field, length.into())?);
        let parsed = text.ok().and_then(|text| text.parse().ok());
        parsed.ok_or_else(|| FormatError::new(field, "not a name"))
    }

    /// A value or nothing.
    ///
    /// # Errors
    /// [`FormatError`].
    pub fn option<T>(
        &mut self,
        field: &'static str,
        read: impl FnOnce(&mut Self) -> Result<T, FormatError>,
    ) -> Result<Option<T>, FormatError> {
        match self.u8(field)? {
            0 => Ok(None),
            1 => read(self).map(Some),
            _ => Err(FormatError::new(field, "neither absent (0) nor present (1)")),
        }
    }

    /// A list of at most `most` values.
    ///
    /// # Errors
    /// [`FormatError`].
    pub fn list<T>(
        &mut self,
        field: &'static str,
        most: usize,
        mut read: impl FnMut(&mut Self) -> Result<T, FormatError>,
    ) -> Result<Vec<T>, FormatError> {
        let length = usize::from(self.u16(field)?);
        if length > most {
            return Err(FormatError::new(field, format!("more than {most} entries")));
        }
        (0..length).map(|_| read(self)).collect()
    }
}

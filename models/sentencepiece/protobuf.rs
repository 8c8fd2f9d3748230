//! Reads the wire format of protobuf, as far as SentencePiece's model needs it.
//!
//! A message is a row of fields: a varint of number and wire type, then a varint (type 0), eight bytes (1), a length
//! and so many bytes (2), or four bytes (5). Every length is checked against what is left of the file.

use crate::BpeError;

/// A field's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Value<'b> {
    Varint(u64),
    /// Four bytes, a float here.
    Fixed32([u8; 4]),
    Fixed64,
    Bytes(&'b [u8]),
}

/// Calls `found` with the number and the value of each field of a message.
///
/// # Errors
/// Fails if the message is cut off or has a wire type that is not in use, or as `found` fails.
pub(super) fn fields<'b>(
    message: &'b [u8],
    mut found: impl FnMut(u64, Value<'b>) -> Result<(), BpeError>,
) -> Result<(), BpeError> {
    let mut rest = message;
    while !rest.is_empty() {
        let (number, value) = field(&mut rest)
            .ok_or_else(|| broken("protobuf: a field is cut off or of an unknown wire type"))?;
        found(number, value)?;
    }
    Ok(())
}

/// Returns the error of a broken model.
pub(super) fn broken(what: &str) -> BpeError {
    BpeError::Inconsistent(what.to_owned())
}

fn field<'b>(rest: &mut &'b [u8]) -> Option<(u64, Value<'b>)> {
    let key = varint(rest)?;
    let value = match key & 7 {
        0 => Value::Varint(varint(rest)?),
        1 => {
            *rest = rest.split_first_chunk::<8>()?.1;
            Value::Fixed64
        }
        2 => {
            let len = usize::try_from(varint(rest)?).ok()?;
            let (bytes, tail) = rest.split_at_checked(len)?;
            *rest = tail;
            Value::Bytes(bytes)
        }
        5 => {
            let (bytes, tail) = rest.split_first_chunk::<4>()?;
            *rest = tail;
            Value::Fixed32(*bytes)
        }
        _ => return None,
    };
    Some((key >> 3, value))
}

fn varint(rest: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (&byte, tail) = rest.split_first()?;
        *rest = tail;
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some(value);
        }
    }
    None
}

impl<'b> Value<'b> {
    /// Returns the bytes of a text, a message or a string of bytes.
    pub(super) fn bytes(self, field: &str) -> Result<&'b [u8], BpeError> {
        match self {
            Value::Bytes(bytes) => Ok(bytes),
            _ => Err(broken(&format!("{field}: is of another wire type"))),
        }
    }

    /// Returns a text.
    pub(super) fn text(self, field: &str) -> Result<&'b str, BpeError> {
        std::str::from_utf8(self.bytes(field)?)
            .map_err(|_| broken(&format!("{field}: is no UTF-8")))
    }

    /// Returns a number or the number of an enum.
    pub(super) fn varint(self, field: &str) -> Result<u64, BpeError> {
        match self {
            Value::Varint(value) => Ok(value),
            _ => Err(broken(&format!("{field}: is of another wire type"))),
        }
    }

    /// Returns a yes or no.
    pub(super) fn bool(self, field: &str) -> Result<bool, BpeError> {
        self.varint(field).map(|value| value != 0)
    }

    /// Returns a number with a fraction.
    pub(super) fn float(self, field: &str) -> Result<f32, BpeError> {
        match self {
            Value::Fixed32(bytes) => Ok(f32::from_le_bytes(bytes)),
            _ => Err(broken(&format!("{field}: is of another wire type"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn fields_of_each_wire_type_are_read() {
        let message = b"\x08\x96\x01\x12\x02ab\x1d\x00\x00\x80\x3f\x21\0\0\0\0\0\0\0\0";
        let mut found = Vec::new();
        fields(message, |number, value| {
            found.push((number, value));
            Ok(())
        })
        .unwrap();
        assert_eq!(
            found,
            [
                (1, Value::Varint(150)),
                (2, Value::Bytes(b"ab")),
                (3, Value::Fixed32([0, 0, 0x80, 0x3f])),
                (4, Value::Fixed64),
            ]
        );
        assert_eq!(found[2].1.float("score").unwrap(), 1.0);
        assert!(found[0].1.text("piece").is_err());
    }

    #[test]
    fn lengths_beyond_the_file_are_refused() {
        for message in [
            &b"\x12\xff\xff\xff\xff\xff\xff\xff\xff\x7f"[..],
            b"\x12\x03ab",
            b"\x08",
            b"\x08\xff",
            b"\x0b",
        ] {
            assert!(fields(message, |_, _| Ok(())).is_err(), "{message:?}");
        }
        let endless = [0x08].iter().chain(&[0xff; 20]).copied().collect::<Vec<u8>>();
        assert!(fields(&endless, |_, _| Ok(())).is_err());
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(message: Vec<u8>) {
            let _ = fields(&message, |_, _| Ok(()));
        }
    }
}

//! The redrives of a callback, as a part of other records.

use invoked_core::id::Attempt;
use invoked_core::redrive::{Redrive, RedriveEnd, Redrives};
use invoked_core::time::Timestamp;

use super::head::{read_time, time};
use crate::codec::{DecodeError, Reader, Writer};

pub(super) fn write(writer: &mut Writer, base: Timestamp, redrives: &Redrives) {
    writer.number(u64::from(redrives.count()));
    writer.number(redrives.recent().len() as u64);
    for redrive in redrives.recent() {
        time(writer, base, redrive.at);
        writer.text(&redrive.by);
        writer.option(redrive.end.as_ref(), |writer, end| {
            time(writer, base, end.at);
            writer.number(u64::from(end.tried.0));
            writer.option(end.code.as_deref(), Writer::text);
        });
    }
}

pub(super) fn read(reader: &mut Reader<'_>, base: Timestamp) -> Result<Redrives, DecodeError> {
    let count = reader.small("redrives")?;
    let kept: u64 = reader.number("kept redrives")?;
    let mut recent = Vec::new();
    for _ in 0..kept {
        recent.push(Redrive {
            at: read_time(reader, base, "redriven at")?,
            by: reader.text("redriven by")?.into(),
            end: reader.option("end of a redrive", |reader| {
                Ok(RedriveEnd {
                    at: read_time(reader, base, "redrive ended at")?,
                    tried: Attempt(reader.small("tries of a redrive")?),
                    code: reader
                        .option("code of a redrive", |reader| reader.text("code of a redrive"))?
                        .map(Into::into),
                })
            })?,
        });
    }
    Ok(Redrives::from_parts(count, recent))
}

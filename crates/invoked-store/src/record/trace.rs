//! A place in a trace, as a part of other records.

use invoked_core::trace::TraceContext;

use crate::codec::{DecodeError, Reader, Writer};

pub(super) fn write(writer: &mut Writer, trace: &TraceContext) {
    writer.fixed(&trace.trace_id);
    writer.fixed(&trace.parent_id);
    writer.u8(trace.flags);
    writer.option(trace.state.as_deref(), Writer::text);
}

pub(super) fn read(reader: &mut Reader<'_>) -> Result<TraceContext, DecodeError> {
    Ok(TraceContext {
        trace_id: reader.fixed("trace id")?,
        parent_id: reader.fixed("parent id")?,
        flags: reader.u8("trace flags")?,
        state: reader.option("trace state", |reader| reader.text("trace state"))?.map(Into::into),
    })
}

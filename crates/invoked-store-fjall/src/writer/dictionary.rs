//! The small tables: names, registry, submissions.

use invoked_core::id::{FnId, ShardId};
use invoked_store::{RegistryEntry, StoreError, Submission};

use crate::keys::{Table, name, number, registry, submission};
use crate::staged::Layer;

/// The number of a name.
pub(super) fn intern(layer: &mut Layer<'_>, name: &str) -> Result<FnId, StoreError> {
    let key = name::encode_name_key(name);
    if let Some(value) = layer.get(Table::Meta, &key)? {
        return name::decode_id_value(name, &value);
    }
    let number = next(layer, &number::NEXT_FUNCTION)?;
    let id = FnId(u32::try_from(number).map_err(|_| StoreError::Full)?);
    layer.put_small(Table::Meta, &key, &name::encode_id_value(id));
    layer.put_small(Table::Meta, &name::encode_id_key(id), name.as_bytes());
    Ok(id)
}

pub(super) fn put_registry(layer: &mut Layer<'_>, entries: &[RegistryEntry]) {
    for entry in entries {
        let key = registry::encode_key(entry.kind, &entry.name);
        layer.put(Table::Meta, &key, registry::encode_value(entry.value.as_ref()));
    }
}

pub(super) fn submit(layer: &mut Layer<'_>, submissions: &[Submission]) -> Result<(), StoreError> {
    for entry in submissions {
        let shard = match entry {
            Submission::Stop { key } => key.shard(),
        };
        let number = next(layer, &number::next_submission(shard))?;
        let key = submission::encode_key(shard, number);
        layer.put(Table::Meta, &key, submission::encode_value(entry));
    }
    Ok(())
}

pub(super) fn acknowledge(layer: &mut Layer<'_>, shard: ShardId, numbers: &[u64]) {
    for number in numbers {
        layer.remove(Table::Meta, &submission::encode_key(shard, *number));
    }
}

/// A number that was never given before, from 1.
fn next(layer: &mut Layer<'_>, key: &[u8]) -> Result<u64, StoreError> {
    let number = match layer.get(Table::Meta, key)? {
        Some(value) => number::decode_value("the next number", &value)?,
        None => 1,
    };
    layer.put(Table::Meta, key, number::encode_value(number + 1));
    Ok(number)
}

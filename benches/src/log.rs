//! The floor's log: CRC-framed records in a preallocated, zero-filled file, one writer thread,
//! one `fdatasync` for everything that waits. It is a ring and is never read back: a bound for
//! what durability costs, not a store.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use anyhow::{Context, Result};
use bytes::Bytes;
use tokio::sync::{mpsc, oneshot};

const MOST_RECORDS: usize = 1_024;
const MOST_BYTES: usize = 4 << 20;

pub struct Entry {
    pub id: u64,
    pub body: Bytes,
    /// Absent: nobody waits for this record.
    pub on_durable: Option<oneshot::Sender<()>>,
}

pub type Batch = Vec<Entry>;

pub struct Log {
    file: File,
    capacity: u64,
    position: u64,
}

impl Log {
    pub fn create(path: &Path, capacity: u64) -> Result<Self> {
        let file = File::create(path).with_context(|| format!("creating {}", path.display()))?;
        // Page by page: larger writes leave larger folios in the page cache, and a record that
        // dirties one is then charged, and looked through at each sync, as a whole.
        let zeros = [0_u8; 4_096];
        let capacity = capacity.next_multiple_of(zeros.len() as u64);
        for position in (0..capacity).step_by(zeros.len()) {
            file.write_all_at(&zeros, position)?;
        }
        file.sync_all()?;
        Ok(Self { file, capacity, position: 0 })
    }

    /// Durable batches come back whole, so that waking the acceptors costs one wake-up a batch.
    pub fn start(mut self) -> (Sender<Entry>, mpsc::UnboundedReceiver<Batch>) {
        let (entries, incoming) = channel();
        let (outgoing, durable) = mpsc::unbounded_channel();
        thread::Builder::new()
            .name("log".into())
            .spawn(move || self.write(&incoming, &outgoing))
            .expect("a thread can be started");
        (entries, durable)
    }

    fn write(&mut self, incoming: &Receiver<Entry>, outgoing: &mpsc::UnboundedSender<Batch>) {
        let mut buffer = Vec::with_capacity(MOST_BYTES * 2);
        while let Ok(first) = incoming.recv() {
            buffer.clear();
            frame(&mut buffer, &first);
            let mut batch = vec![first];
            while batch.len() < MOST_RECORDS && buffer.len() < MOST_BYTES {
                let Ok(entry) = incoming.try_recv() else { break };
                frame(&mut buffer, &entry);
                batch.push(entry);
            }
            self.append(&buffer).expect("the floor's log can be written");
            if outgoing.send(batch).is_err() {
                return;
            }
        }
    }

    fn append(&mut self, buffer: &[u8]) -> Result<()> {
        let length = buffer.len() as u64;
        if self.position + length > self.capacity {
            self.position = 0;
        }
        self.file.write_all_at(buffer, self.position)?;
        self.file.sync_data()?;
        self.position += length;
        Ok(())
    }
}

fn frame(buffer: &mut Vec<u8>, entry: &Entry) {
    let length = u32::try_from(entry.body.len()).expect("a body is smaller than 4 GiB");
    let mut crc = crc32fast::Hasher::new();
    crc.update(&entry.id.to_le_bytes());
    crc.update(&entry.body);
    buffer.extend_from_slice(&length.to_le_bytes());
    buffer.extend_from_slice(&crc.finalize().to_le_bytes());
    buffer.extend_from_slice(&entry.id.to_le_bytes());
    buffer.extend_from_slice(&entry.body);
}

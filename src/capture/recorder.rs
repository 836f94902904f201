//! What a live capture writes beside it: pcapng files, a new one by size, time or number of frames.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::background_writer::{BackgroundWriter, PendingClose};
use super::frame::{Frame, LinkType, Timestamp};
use super::writer::{CaptureCounts, PcapngWriter};

/// When a new file is begun.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Rotation {
    /// Before a file grows beyond so many bytes.
    pub size: Option<u64>,
    /// When the first frame of a file is so old.
    pub time: Option<Duration>,
    /// When a file holds so many frames.
    pub count: Option<u64>,
}

impl Rotation {
    /// Whether there is more than one file at all.
    pub fn is_on(self) -> bool {
        self.size.is_some() || self.time.is_some() || self.count.is_some()
    }
}

/// An interface as every file describes it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RecordedInterface {
    /// Name.
    pub name: String,
    /// Link type of its frames.
    pub link: LinkType,
    /// Longest part of a frame that is kept, in bytes.
    pub snap_len: u32,
}

/// Writes frames to files, without waiting for the disk. What was flushed is readable a moment later, even if the
/// program is killed then.
#[derive(Debug)]
pub struct Recorder {
    path: PathBuf,
    rotation: Rotation,
    interfaces: Vec<RecordedInterface>,
    writer: PcapngWriter<BackgroundWriter>,
    files: Vec<PathBuf>,
    /// Files that are ended but for their last bytes.
    closing: Vec<PendingClose>,
    /// Time of the first frame and of the last in this file.
    times: Option<(Timestamp, Timestamp)>,
    /// Frames in this file.
    frames: u64,
    /// What was counted when this file was begun, for each interface.
    counted: Vec<CaptureCounts>,
}

/// Bytes of an Enhanced Packet Block beside its packet (without padding).
const PACKET_BLOCK: u64 = 32;
const APPLICATION: &str = concat!("igorscope ", env!("CARGO_PKG_VERSION"));

impl Recorder {
    /// Begins the first file: `path` itself, or with rotation `path` with `_00001` before its extension.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn create(path: &Path, interfaces: Vec<RecordedInterface>, rotation: Rotation) -> io::Result<Self> {
        let name = if rotation.is_on() { numbered(path, 1) } else { path.to_owned() };
        let writer = begin(&name, &interfaces)?;
        let counted = vec![CaptureCounts::default(); interfaces.len()];
        let path = path.to_owned();
        let (files, closing) = (vec![name], Vec::new());
        Ok(Self { path, rotation, interfaces, writer, files, closing, times: None, frames: 0, counted })
    }

    /// The files so far; the last is the one that is being written.
    pub fn files(&self) -> &[PathBuf] {
        &self.files
    }

    /// Bytes in the file that is being written.
    pub fn bytes_written(&self) -> u64 {
        self.writer.bytes_written()
    }

    /// Whether a new file is due before this frame.
    pub fn is_full(&self, frame: &Frame<'_>) -> bool {
        let Some((first, _)) = self.times else { return false };
        let size = self.writer.bytes_written() + PACKET_BLOCK + frame.data.len() as u64;
        let age = match (first.nanos(), frame.time.nanos()) {
            (Some(first), Some(now)) => u64::try_from(now.saturating_sub(first)).unwrap_or(0),
            _ => 0,
        };
        self.rotation.size.is_some_and(|limit| size > limit)
            || self.rotation.time.is_some_and(|limit| u128::from(age) >= limit.as_nanos())
            || self.rotation.count.is_some_and(|limit| self.frames >= limit)
    }

    /// Ends the file, and begins the next. `counts` are those since the capture began, for each interface.
    ///
    /// # Errors
    /// When one of them cannot be written.
    pub fn rotate(&mut self, counts: &[CaptureCounts]) -> io::Result<()> {
        let name = numbered(&self.path, self.files.len() + 1);
        let next = begin(&name, &self.interfaces)?;
        let last = std::mem::replace(&mut self.writer, next);
        self.end(last, counts)?;
        self.files.push(name);
        (self.times, self.frames) = (None, 0);
        Ok(())
    }

    /// Writes a frame.
    ///
    /// # Errors
    /// When that fails.
    pub fn write(&mut self, frame: &Frame<'_>) -> io::Result<()> {
        self.times = Some((self.times.map_or(frame.time, |(first, _)| first), frame.time));
        self.frames += 1;
        self.writer.packet(frame.interface, frame.time, frame.original_len, frame.data, &[])
    }

    /// Has everything brought to the file.
    ///
    /// # Errors
    /// When that fails.
    pub fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }

    /// Ends the last file, and says which there are. `counts` as for [`Recorder::rotate`].
    ///
    /// # Errors
    /// When that fails.
    pub fn finish(mut self, counts: &[CaptureCounts]) -> io::Result<Vec<PathBuf>> {
        statistics(&mut self.writer, self.times, &self.counted, counts)?;
        self.closing.push(self.writer.finish()?.close()?);
        self.closing.into_iter().try_for_each(PendingClose::wait)?;
        Ok(self.files)
    }

    fn end(&mut self, mut writer: PcapngWriter<BackgroundWriter>, counts: &[CaptureCounts]) -> io::Result<()> {
        statistics(&mut writer, self.times, &self.counted, counts)?;
        self.counted = counts.to_vec();
        self.closing.push(writer.finish()?.close()?);
        // What could not be written of earlier files is told while the capture goes on.
        while self.closing.first().is_some_and(PendingClose::is_done) {
            self.closing.remove(0).wait()?;
        }
        Ok(())
    }
}

/// What each interface received and dropped since `before`.
fn statistics(
    writer: &mut PcapngWriter<BackgroundWriter>,
    times: Option<(Timestamp, Timestamp)>,
    before: &[CaptureCounts],
    counts: &[CaptureCounts],
) -> io::Result<()> {
    let time = times.map_or(Timestamp::UNKNOWN, |(_, last)| last);
    for ((interface, counts), before) in (0..).zip(counts).zip(before) {
        writer.statistics(interface, time, &counts.since(before))?;
    }
    Ok(())
}

fn begin(path: &Path, interfaces: &[RecordedInterface]) -> io::Result<PcapngWriter<BackgroundWriter>> {
    let mut writer = PcapngWriter::new(BackgroundWriter::new(File::create(path)?)?, APPLICATION, None)?;
    for interface in interfaces {
        writer.interface(&interface.name, interface.link, interface.snap_len)?;
    }
    Ok(writer)
}

/// `site.pcapng` as `site_00001.pcapng`.
pub fn numbered(path: &Path, number: usize) -> PathBuf {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let extension = path.extension().map(|extension| format!(".{}", extension.to_string_lossy())).unwrap_or_default();
    path.with_file_name(format!("{stem}_{number:05}{extension}"))
}

/// The number by which a name is one of those that [`numbered`] makes.
pub fn number_in(path: &Path, name: &Path) -> Option<usize> {
    let number = name.file_stem()?.to_str()?.rsplit_once('_')?.1.parse().ok()?;
    (numbered(path, number).file_name() == name.file_name()).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::{Capture, FrameId};

    fn frame(seconds: i64, data: &[u8]) -> Frame<'_> {
        Frame {
            id: FrameId::NONE,
            time: Timestamp::from_nanos(seconds * 1_000_000_000),
            link: LinkType::ETHERNET,
            interface: 0,
            original_len: 100,
            data,
        }
    }

    fn interfaces() -> Vec<RecordedInterface> {
        vec![RecordedInterface { name: "eth1".into(), link: LinkType::ETHERNET, snap_len: 0 }]
    }

    /// Frames and drops of a file, by the reader.
    fn read(path: &Path) -> (u64, Option<u64>) {
        let mut capture = Capture::open(path, 0).unwrap();
        let mut frames = 0;
        while let Some(block) = capture.next_block() {
            frames += block.count() as u64;
        }
        let summary = capture.summary();
        assert_eq!(summary.damage, None);
        (frames, summary.interfaces[0].dropped)
    }

    #[test]
    fn a_new_file_begins_by_size_by_time_and_by_count() {
        let folder = tempfile::tempdir().unwrap();
        let cases = [
            (Rotation { size: Some(1000), ..Rotation::default() }, vec![(2, Some(2)), (2, Some(2)), (1, Some(1))]),
            (Rotation { time: Some(Duration::from_secs(3)), ..Rotation::default() }, vec![(3, Some(3)), (2, Some(2))]),
            (Rotation { count: Some(4), ..Rotation::default() }, vec![(4, Some(4)), (1, Some(1))]),
            (Rotation::default(), vec![(5, Some(5))]),
        ];
        for (rotation, expected) in cases {
            let mut recorder = Recorder::create(&folder.path().join("a.b.pcapng"), interfaces(), rotation).unwrap();
            let counts =
                |frames| [CaptureCounts { received: Some(2 * frames), dropped: Some(frames), os_dropped: None }];
            let data = [0; 400];
            for second in 0..5 {
                let frame = frame(second, &data);
                if recorder.is_full(&frame) {
                    recorder.rotate(&counts(second as u64)).unwrap();
                }
                recorder.write(&frame).unwrap();
            }
            let files = recorder.finish(&counts(5)).unwrap();
            assert_eq!(files.iter().map(|file| read(file)).collect::<Vec<_>>(), expected);
            let name = files[0].file_name().unwrap().to_string_lossy();
            assert_eq!(name, if rotation.is_on() { "a.b_00001.pcapng" } else { "a.b.pcapng" });
        }
    }

    #[test]
    fn what_was_flushed_is_readable() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("killed.pcapng");
        let mut recorder = Recorder::create(&path, interfaces(), Rotation::default()).unwrap();
        recorder.write(&frame(1, &[0; 60])).unwrap();
        recorder.flush().unwrap();
        recorder.write(&frame(2, &[0; 60])).unwrap();
        // A moment later: the thread that writes has its own time.
        for _ in 0..500 {
            if path.metadata().unwrap().len() == recorder.bytes_written() - (PACKET_BLOCK + 60) {
                break;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        assert_eq!(read(&path).0, 1);
    }
}

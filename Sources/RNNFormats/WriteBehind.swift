import CStorage

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Lets the disk work while a large file is still being written, so that the flush at its end has little left to do.
///
/// Room is claimed ahead, in runs that the file system need not work out at each write, and what has been written is
/// handed to the disk at once rather than when memory runs short. Nothing depends on either: the flush at the end waits
/// for every byte and reports every error, those of the early writes too.
struct WriteBehind {
  /// Bytes handed over at a time; a file that is smaller is left to the flush.
  private static let run = 8 << 20
  private static let claim = 64 << 20

  /// The end of what was written, of what was handed over, and of the room claimed.
  private var (end, handed, claimed) = (0, 0, 0)

  /// To be called before bytes are written up to `newEnd`.
  mutating func prepare(_ descriptor: Int32, for newEnd: Int) {
    guard newEnd > Self.run, newEnd > claimed else { return }
    let start = max(claimed, end)
    let (limit, overflow) = newEnd.addingReportingOverflow(Self.claim)
    // Where room cannot be claimed, no more is tried; if the disk is full, writing says so.
    let isClaimed = !overflow && rnn_storage_claim(descriptor, Int64(start), Int64(limit - start)) == 0
    claimed = isClaimed ? limit : .max
  }

  /// To be called after bytes were written up to `newEnd`.
  mutating func wrote(_ descriptor: Int32, upTo newEnd: Int) {
    end = max(end, newEnd)
    guard end - handed >= Self.run else { return }
    rnn_storage_start_writing(descriptor, Int64(handed), Int64(end - handed))
    handed = end
  }

  /// Gives back the room that was not needed. False with the reason in errno where that fails.
  ///
  /// The file's own size tells where it begins: claimed room does not count, and another process may have written beyond
  /// what was written here, as the one does that lays out HDF5 files.
  func finish(_ descriptor: Int32) -> Bool {
    if claimed == 0 { return true }
    var status = stat()
    return fstat(descriptor, &status) == 0 && ftruncate(descriptor, status.st_size) == 0
  }
}

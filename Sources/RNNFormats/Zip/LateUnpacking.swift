import RNNModel
import Synchronization

/// What went wrong where bytes were needed that had not been unpacked before.
package final class LateFailures: Sendable {
  private let first = Mutex<RNNError?>(nil)

  package init() {}

  func record(_ error: RNNError) { first.withLock { if $0 == nil { $0 = error } } }

  /// Throws the first. To be called before anything is made known of what was read.
  package func check() throws(RNNError) {
    if let error = first.withLock({ $0 }) { throw error }
  }
}

/// A deflated member that is unpacked as it is needed.
final class LateMember: Sendable {
  private struct State: ~Copyable {
    var stream: ZipStream?
    var whole: TensorStorage?
  }

  private let archive: ZipArchive
  private let entry: ZipEntry
  private let stored: TensorStorage
  private let failures: LateFailures
  private let state = Mutex(State())

  init(archive: ZipArchive, entry: ZipEntry, stored: TensorStorage, failures: LateFailures) {
    self.archive = archive
    self.entry = entry
    self.stored = stored
    self.failures = failures
  }

  /// All bytes in memory, or zeros where that fails.
  var whole: TensorStorage {
    state.withLock { state in
      if let whole = state.whole { return whole }
      let made: TensorStorage
      do throws(RNNError) {
        made = try archive.bytes(of: entry)
      } catch {
        failures.record(error)
        made = (try? TensorStorage.zeros(count: entry.count)) ?? TensorStorage(count: entry.count) { _ in }
      }
      state.whole = made
      return made
    }
  }

  /// Fills `target` with bytes from `offset` on, going on where it was, or from the start.
  func read(_ offset: Int, _ target: UnsafeMutableRawBufferPointer) throws(RNNError) {
    try state.withLock { (state) throws(RNNError) in
      if let whole = state.whole { return try whole.copyBytes(at: offset, into: target) }
      try stored.withUnsafeBytes { (source) throws(RNNError) in
        let stream: ZipStream
        if let last = state.stream, last.produced <= offset { stream = last } else { stream = try ZipStream(entry) }
        state.stream = nil
        if stream.produced < offset {
          let size = min(offset - stream.produced, 1 << 18)
          let passed = UnsafeMutableRawBufferPointer.allocate(byteCount: size, alignment: 1)
          defer { passed.deallocate() }
          while stream.produced < offset {
            let count = min(size, offset - stream.produced)
            try stream.fill(UnsafeMutableRawBufferPointer(rebasing: passed[..<count]), from: source)
          }
        }
        try stream.fill(target, from: source)
        if stream.produced == entry.count {
          try archive.check(entry, stream.finish(source))
        } else {
          state.stream = stream
        }
      }
    }
  }
}

import RNNKit
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Says on a terminal that work goes on, once it has gone on for a second.
final class Progress: Sendable {
  private let label: String
  private let isEnded = Mutex(false)

  /// Starts counting, where standard error is a terminal.
  init(_ label: String) {
    self.label = label
    guard isatty(2) == 1 else { return }
    var thread = pthread_t()
    let context = Unmanaged.passRetained(self).toOpaque()
    let status = pthread_create(&thread, nil, { context in
      guard let context else { return nil }
      Unmanaged<Progress>.fromOpaque(context).takeRetainedValue().watch()
      return nil
    }, context)
    if status == 0 { pthread_detach(thread) } else { Unmanaged<Progress>.fromOpaque(context).release() }
  }

  /// Takes the line away again.
  func end() {
    isEnded.withLock { $0 = true }
  }

  private func watch() {
    var tenths = 0
    var isShown = false
    while true {
      usleep(100_000)
      tenths += 1
      // Written under the lock, so that no line appears after end().
      let goesOn = isEnded.withLock { ended in
        if ended || tenths % 10 != 0 { return !ended }
        write("\r\(label), \(tenths / 10) s")
        isShown = true
        return true
      }
      if !goesOn { break }
    }
    if isShown { write("\r\u{1B}[K") }
  }

  private func write(_ text: String) {
    var text = text
    text.withUTF8 { _ = fwriteAll($0) }
  }

  private func fwriteAll(_ bytes: UnsafeBufferPointer<UInt8>) -> Int {
    #if canImport(Glibc)
      Glibc.write(2, bytes.baseAddress, bytes.count)
    #elseif canImport(Musl)
      Musl.write(2, bytes.baseAddress, bytes.count)
    #else
      Darwin.write(2, bytes.baseAddress, bytes.count)
    #endif
  }
}

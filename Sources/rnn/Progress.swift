import RNNKit
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// How many of something are done, for another thread to see.
final class Counter: Sendable {
  private let count = Atomic(0)
  var value: Int { count.load(ordering: .relaxed) }
  func add() { count.add(1, ordering: .relaxed) }
}

/// Says on a terminal that work goes on, once it has gone on for a second.
final class Progress: Sendable {
  /// Work of which it is known how much there is and how much is done.
  struct Work: Sendable {
    /// In units of any kind.
    let total: Double
    let done: @Sendable () -> Double
    /// What of it a second is, `120 MB/s`; nil says nothing of it.
    var rate: (@Sendable (Double) -> String)?

    /// Bytes that are written to files from now on.
    static func bytes(_ total: Int) -> Work {
      let start = OutputFile.bytesWritten
      return Work(total: Double(total), done: { Double(OutputFile.bytesWritten - start) }, rate: { rate in
        rate < 1e6 ? "\(Int(rate / 1e3)) kB/s" : "\(grouped(Int(min(rate / 1e6, 1e9)))) MB/s"
      })
    }
  }

  private let label: String
  private let work: Work?
  private let state = Mutex((isEnded: false, isShown: false))

  /// Starts counting, where standard error is a terminal.
  init(_ label: String, _ work: Work? = nil) {
    self.label = label
    self.work = work
    guard isatty(2) == 1, Console.amount != .nothing else { return }
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
    state.withLock { state in
      if state.isShown { write("\r\u{1B}[K") }
      state = (true, false)
    }
  }

  private func watch() {
    var tenths = 0
    while true {
      usleep(100_000)
      tenths += 1
      // Written under the lock, so that no line appears after end().
      let goesOn = state.withLock { state in
        if state.isEnded || tenths % 10 != 0 { return !state.isEnded }
        write("\r\u{1B}[K\(text(seconds: Double(tenths) / 10))")
        state.isShown = true
        return true
      }
      if !goesOn { break }
    }
  }

  /// `converting, 43 %, 120 MB/s, 3 s left`, or where nothing is known of the work for how long it has gone on.
  private func text(seconds: Double) -> String {
    guard let work, work.total > 0 else { return "\(label), \(Int(seconds)) s" }
    let done = work.done(), share = (done / work.total).clamped(to: 0...1)
    var parts = ["\(label), \(Int(share * 100)) %"]
    if let rate = work.rate { parts.append(rate(done / seconds)) }
    if share > 0, share < 1 { parts.append("\(grouped(Int((seconds / share * (1 - share)).rounded(.up).clamped(to: 0...1e9)))) s left") }
    return parts.joined(separator: ", ")
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

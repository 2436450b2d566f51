import CProcess
import RNNModel

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// One run of `rnn-hdf5`, monitored until it ends.
struct HDF5Child {
  let program: String
  let job: HDF5Descriptors.Job
  /// The descriptors that `HDF5Descriptors` describes.
  let input: Int32
  let answer: ScratchFile
  let output: Int32
  /// The maximum size in bytes of a file that it may write.
  let largestFile: Int
  /// Seconds of CPU time without progress.
  let timeout: Int
  let inputSize: Int

  /// The number of bytes of standard error that are kept.
  private static let keptErrors = 4096

  /// How the process ended.
  private enum End {
    case exit(Int32)
    case signal(Int32)
    /// Killed by us, after this many seconds.
    case stuck(Int)
  }

  /// Runs the process to its end and reads its answer.
  func run(about source: InputFile?) throws(RNNError) -> HDF5Message {
    let (end, isReady, errors) = try watch()
    switch end {
    case .exit(0): break
    case .exit(HDF5Descriptors.noRoomStatus):
      // It could not even write its error.
      throw RNNError(.inputOutput, file: answer.folder, "no room for the answer of the HDF5 library's process",
        remedy: scratchRemedy())
    case _ where !isReady: throw broken(end, errors)
    case .exit(let status):
      throw failure("the HDF5 library's process ended with status \(status) and without an answer")
    case .signal(let signal):
      if errors.contains("allocat") { throw outOfMemory }
      if signal == SIGXCPU { throw stuck(cpuSeconds) }
      if signal == SIGBUS {
        throw RNNError(.inputOutput, "cannot be read: it was shortened meanwhile, or its disk fails",
          remedy: "work on a copy that nobody writes to")
      }
      throw failure(
        signal == SIGKILL ? "the HDF5 library was killed (signal 9), perhaps for want of memory"
          : "it crashed the HDF5 library (signal \(signal))")
    case .stuck(let seconds): throw stuck(seconds)
    }
    do throws(RNNError) {
      let descriptor = fcntl(answer.descriptor, F_DUPFD_CLOEXEC, 0)
      guard descriptor >= 0 else {
        throw RNNError(.inputOutput, "no descriptor is free: \(systemMessage(errno))", remedy: "close some files")
      }
      return try HDF5Message(InputFile(OpenDescriptor(descriptor), name: "answer"), about: source)
    } catch {
      if error.kind == .inputOutput { throw error }
      if !isReady { throw broken(end, errors) }
      throw Self.lie([error.place, "\(error.problem)"].compactMap { $0 }.joined(separator: ": "))
    }
  }

  /// The error for a program that ended before it parsed the file; the file is not to blame.
  private func broken(_ end: End, _ errors: String) -> RNNError {
    let how =
      switch end {
      case .exit(let status): "ended with status \(status)"
      case .signal(let signal): "ended by signal \(signal)"
      case .stuck(let seconds): "got no further in \(seconds) s"
      }
    let said = errors.split(separator: "\n").first.map { ": \($0.prefix(200))" } ?? ""
    return RNNError(.defect, file: program, "the program that reads HDF5 does not work: it \(how) before its work began\(said)",
      remedy: "install it again, with the libraries it needs (ldd shows them) and of the same version as this program")
  }

  private static let remedy = "the file is damaged or hostile: get it again from a source you trust"

  /// The error for an invalid answer.
  static func lie(_ problem: String) -> RNNError {
    RNNError(.badData, "the HDF5 library's process gave an answer that does not hold (\(problem))", remedy: remedy)
  }

  private func failure(_ problem: String) -> RNNError {
    RNNError(.badData, problem, remedy: Self.remedy)
  }

  private var outOfMemory: RNNError {
    failure("the HDF5 library asked for more than \(Limits.maximumHDF5Memory >> 20) MiB of memory")
  }

  private func stuck(_ seconds: Int) -> RNNError {
    RNNError(.badData, "the HDF5 library got no further in \(seconds) s and was stopped",
      remedy: "the file is damaged or hostile; if it is only large, give it longer with \(.timeout)")
  }

  /// The limit on total CPU time, whatever progress is reported: one second per MiB, plus a multiple of the timeout.
  private var cpuSeconds: Int {
    let (seconds, overflow) = timeout.multipliedReportingOverflow(by: Limits.maximumHDF5Waiting)
    return overflow ? Int.max / 2 : min(seconds, Int.max / 2) + inputSize >> 20
  }

  private func watch() throws(RNNError) -> (End, isReady: Bool, errors: String) {
    let errors = try Pipe()
    let progress = try Pipe()
    var limits = rnn_process_limits()
    limits.memory = UInt64(Limits.maximumHDF5Memory)
    limits.cpu_seconds = UInt64(cpuSeconds)
    limits.file_size = UInt64(largestFile)
    limits.descriptors = UInt64(Limits.maximumHDF5Descriptors)
    let process = try start([errors.writing.number, input, answer.descriptor, output, progress.writing.number], limits)
    errors.closeWriting()
    progress.closeWriting()
    var watchdog = Watchdog(process: process, timeout: timeout, patience: Limits.maximumHDF5Waiting, total: cpuSeconds)
    var text: [UInt8] = []
    var lastSize = 0
    var firstSign: UInt8?
    while true {
      errors.wait(milliseconds: watchdog.interval)
      errors.drain { if text.count < Self.keptErrors { text.append(contentsOf: $0.prefix(Self.keptErrors - text.count)) } }
      var signs = 0
      progress.drain {
        signs += $0.count
        firstSign = firstSign ?? $0.first
      }
      let size = answer.count
      signs += max(0, size - lastSize) / HDF5Progress.unit
      if signs > 0 {
        lastSize = size
        watchdog.reset()
      }
      var status: Int32 = 0
      let ended = waitpid(process, &status, WNOHANG)
      // ECHILD: the program that uses this library ignores SIGCHLD or waits for all children. Then only the answer tells
      // how the process ended.
      if ended == process || (ended < 0 && errno == ECHILD) {
        // Read what arrived between the last poll and the end of the process.
        progress.drain { firstSign = firstSign ?? $0.first }
        return (Self.end(status), firstSign == HDF5Descriptors.readySign, String(decoding: text, as: UTF8.self))
      }
      if watchdog.isTooLate {
        kill(process, SIGKILL)
        while waitpid(process, &status, 0) < 0, errno == EINTR {}
        let seconds = watchdog.isIdle ? timeout * Limits.maximumHDF5Waiting : timeout
        return (.stuck(seconds), firstSign == HDF5Descriptors.readySign, "")
      }
    }
  }

  private func start(_ descriptors: [Int32], _ limits: rnn_process_limits) throws(RNNError) -> pid_t {
    // The child may need the same path to find the Swift runtime. Nothing else of the environment is passed on.
    let variable = getenv("LD_LIBRARY_PATH").map { strdup(("LD_LIBRARY_PATH=" + String(systemPath: $0)).systemPath) } ?? nil
    defer { free(variable) }
    var environment: [UnsafeMutablePointer<CChar>?] = variable.map { [$0, nil] } ?? [nil]
    var limits = limits
    let process = rnn_process_start(program.systemPath, job.rawValue, &environment, descriptors, Int32(descriptors.count), &limits)
    guard process > 0 else {
      let code = errno
      let remedy = systemRemedy(code)
      throw RNNError(remedy == nil ? .defect : .inputOutput, file: program,
        "the program that reads HDF5 cannot be started: \(systemMessage(code))",
        remedy: remedy ?? "install rnn-hdf5 beside this program, or name it in RNNKIT_HDF5")
    }
    return process
  }

  private static func end(_ status: Int32) -> End {
    let signal = status & 0x7F
    return signal == 0 ? .exit(status >> 8 & 0xFF) : .signal(signal)
  }
}

/// Detects that a process has worked or waited too long without a progress sign.
private struct Watchdog {
  private let process: pid_t
  private let timeout: Int64
  private let patience: Int64
  /// The limit on total CPU time.
  private let total: Int64
  private var cpuAtSign: Int64 = 0
  private var timeAtSign = now
  private let begin = now

  init(process: pid_t, timeout: Int, patience: Int, total: Int) {
    self.process = process
    self.timeout = Self.nanoseconds(timeout)
    self.total = Self.nanoseconds(total)
    self.patience = Int64(patience)
  }

  private static func nanoseconds(_ seconds: Int) -> Int64 {
    Int64(min(seconds, 1 << 30)) * 1_000_000_000
  }

  mutating func reset() {
    cpuAtSign = rnn_process_cpu_time(process)
    timeAtSign = Self.now
  }

  /// Milliseconds until the next poll: short at first, for files that are read immediately.
  var interval: Int32 {
    Self.now - begin < 100_000_000 ? 5 : 50
  }

  /// Whether the process waits instead of working, or reports progress for longer than any file takes.
  var isIdle: Bool { Self.now - timeAtSign > timeout * patience || Self.now - begin > total * patience }

  var isTooLate: Bool {
    let cpu = rnn_process_cpu_time(process)
    return cpu - cpuAtSign > timeout || isIdle
  }

  private static var now: Int64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
  }
}

/// A pipe with a non-blocking reading end.
private final class Pipe {
  private let reading: OpenDescriptor
  private(set) var writing: OpenDescriptor
  private var isEnded = false

  init() throws(RNNError) {
    var ends: [Int32] = [-1, -1]
    guard pipe(&ends) == 0 else {
      throw RNNError(.inputOutput, "no pipe can be made: \(systemMessage(errno))", remedy: "close some files")
    }
    reading = OpenDescriptor(ends[0])
    writing = OpenDescriptor(ends[1])
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    for end in ends { _ = fcntl(end, F_SETFL, O_NONBLOCK) }
  }

  func closeWriting() {
    writing = OpenDescriptor(-1)
  }

  /// Returns when there is something to read, when the other end is closed, or after the given time.
  func wait(milliseconds: Int32) {
    if isEnded {
      // The pipe is closed; the process is probably about to end.
      usleep(1000)
      return
    }
    var entry = pollfd(fd: reading.number, events: Int16(POLLIN), revents: 0)
    _ = poll(&entry, 1, milliseconds)
  }

  /// Reads what is available, but no more than a pipe can hold, so that a process that never stops cannot block us.
  func drain(_ body: ([UInt8]) -> Void) {
    var bytes = [UInt8](repeating: 0, count: 1 << 12)
    for _ in 0..<32 {
      let count = read(reading.number, &bytes, bytes.count)
      if count == 0 { isEnded = true }
      if count <= 0 { return }
      body(Array(bytes[..<count]))
    }
  }
}

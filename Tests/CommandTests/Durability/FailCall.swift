import Foundation
import Testing

/// Runs of the command in which one system call fails, or before which it is killed. See `Tests/FailCall/main.c`.
enum FailCall {
  /// Which process of a run: the command, or the one that it starts.
  enum Victim: Int, Sendable {
    case rnn = 0
    case child = 1
  }

  struct Result {
    /// `pwrite64 ENOSPC`, `none` where the call has no such variant, `end` where there were fewer calls.
    var failure: String
    /// As a shell has it: 128 and the signal that ended it.
    var status: Int32
    var output: String
    var errors: String

    var comment: Comment { Comment(rawValue: "\(failure): status \(status), \(errors)") }
  }

  private static let program = Command.executable.deletingLastPathComponent().appendingPathComponent("fail-call")

  /// Whether the system lets a process be traced.
  static let isAvailable: Bool = {
    guard let scratch = try? Scratch() else { return false }
    let probe = try? run(.rnn, call: 1 << 20, variant: 0, ["formats"], logs: scratch)
    return probe?.failure == "end" && probe?.status == 0
  }()

  /// Runs the command once for each failure there can be, and once without any. Where it is killed instead, once for each
  /// call.
  static func forEachFailure(
    of victim: Victim, killing: Bool = false, _ arguments: [String], logs: Scratch, temporary: String? = nil,
    before: () throws -> Void, after: (Result) throws -> Void
  ) throws {
    // First the calls that come in the same order in every run, then some of those that are repeated while it waits.
    for calls in [Array(1...2000), Array((-30)...(-1)).reversed()] {
      var isAtEnd = false
      for call in calls where !isAtEnd {
        #expect(call < 2000, "the command goes on for ever")
        for variant in killing ? [kill] : [0, 1, 2, 3] {
          try before()
          let result = try run(victim, call: call, variant: variant, arguments, logs: logs, temporary: temporary)
          if result.failure == "none" { break }
          try after(result)
          isAtEnd = result.failure == "end"
          if isAtEnd { break }
        }
      }
    }
  }

  /// Kills the process before the call.
  private static let kill = -1

  /// Runs the command with one failure, its temporary files in `TMPDIR`.
  private static func run(
    _ victim: Victim, call: Int, variant: Int, _ arguments: [String], logs: Scratch, temporary: String? = nil
  ) throws -> Result {
    for name in ["report", "out", "err"] { try Data().write(to: logs.url(name)) }
    let process = Process()
    process.executableURL = program
    process.arguments =
      ["\(victim.rawValue)", "\(call)", "\(variant)", logs.path("report"), Command.executable.path] + arguments
    var environment = Command.environment
    if let temporary { environment["TMPDIR"] = temporary }
    process.environment = environment
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = try FileHandle(forWritingTo: logs.url("out"))
    process.standardError = try FileHandle(forWritingTo: logs.url("err"))
    try process.run()
    process.waitUntilExit()
    #expect(process.terminationReason == .exit, "hung: \(arguments), call \(call), variant \(variant)")
    func text(_ name: String) throws -> String { String(decoding: try Data(contentsOf: logs.url(name)), as: UTF8.self) }
    return Result(
      failure: try text("report").trimmingCharacters(in: .whitespacesAndNewlines), status: process.terminationStatus,
      output: try text("out"), errors: try text("err"))
  }
}

import Foundation

/// Shell scripts around the built command.
enum Shell {
  struct Result {
    var status: Int32
    var output: String
    var errors: String
    var lines: [String] { output.split(separator: "\n").map(String.init) }
  }

  static let isRoot = getuid() == 0

  /// Runs a script, with the command as `$RNN` and the arguments as `$1` …, in a folder, under another command where one is
  /// given. Output need not be UTF-8.
  static func run(
    _ script: String, _ arguments: [String] = [], in folder: URL? = nil, under prefix: [String] = [],
    environment: [String: String] = [:]
  ) throws -> Result {
    let logs = try Scratch()
    for name in ["out", "err"] { try Data().write(to: logs.url(name)) }
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = prefix + ["bash", "-c", script, "bash"] + arguments
    process.currentDirectoryURL = folder
    process.environment = Command.environment.merging(["RNN": Command.executable.path]) { $1 }
      .merging(environment) { $1 }
    process.standardOutput = try FileHandle(forWritingTo: logs.url("out"))
    process.standardError = try FileHandle(forWritingTo: logs.url("err"))
    try process.run()
    process.waitUntilExit()
    return Result(
      status: process.terminationStatus, output: String(decoding: try Data(contentsOf: logs.url("out")), as: UTF8.self),
      errors: String(decoding: try Data(contentsOf: logs.url("err")), as: UTF8.self))
  }
}

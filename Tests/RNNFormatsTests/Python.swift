import Foundation

/// The Python that reads what we wrote: the one that RNNKIT_PYTHON names, else `.venv/bin/python`.
enum Python {
  struct Failure: Error { var text: String }

  static let name = ProcessInfo.processInfo.environment["RNNKIT_PYTHON"]
    ?? URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    .appendingPathComponent(".venv/bin/python").path

  /// Whether it can import these modules.
  static func has(_ modules: String) -> Bool { (try? run(["-c", "import \(modules)"])) != nil }

  /// What a call prints.
  static func run(_ arguments: [String]) throws -> String {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = [name] + arguments
    // Complaints go to a file: two pipes could wait for each other.
    let complaints = FileManager.default.temporaryDirectory.appendingPathComponent("rnn-python-\(UUID())")
    try Data().write(to: complaints)
    defer { try? FileManager.default.removeItem(at: complaints) }
    let output = Pipe()
    process.standardOutput = output
    process.standardError = try FileHandle(forWritingTo: complaints)
    try process.run()
    let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    guard process.terminationStatus == 0 else {
      throw Failure(text: String(decoding: try Data(contentsOf: complaints), as: UTF8.self))
    }
    return text
  }
}

import Foundation
import Testing

/// The Python that runs the scripts in `Schemas`: the one that `RNNKIT_PYTHON` names, else `.venv/bin/python`.
enum Python {
  struct Result {
    var status: Int32
    var output: String
    var errors: String
  }

  /// The package's folder.
  static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()

  static let executable = ProcessInfo.processInfo.environment["RNNKIT_PYTHON"] ?? root.path + "/.venv/bin/python"

  /// Whether it is there with what `Schemas/requirements.txt` lists.
  static let isReady = has("numpy, xxhash, jsonschema, h5py")
  static let whyNot: Comment = "needs Python with Schemas/requirements.txt in .venv, or in RNNKIT_PYTHON"

  static let hasTorch = isReady && has("torch")
  static let whyNoTorch: Comment = "needs torch beside Schemas/requirements.txt in .venv, or in RNNKIT_PYTHON"

  private static func has(_ modules: String) -> Bool {
    guard FileManager.default.isExecutableFile(atPath: executable) else { return false }
    return (try? run(["-c", "import \(modules)"]))?.status == 0
  }

  static func run(_ arguments: [String]) throws -> Result {
    try Process.run(executable, arguments)
  }
}

extension Process {
  /// Runs a program in the package's folder to its end.
  static func run(_ path: String, _ arguments: [String]) throws -> Python.Result {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: path)
    process.arguments = arguments
    process.currentDirectoryURL = Python.root
    process.environment = ProcessInfo.processInfo.environment.merging(["PYTHONDONTWRITEBYTECODE": "1"]) { $1 }
    // Files rather than pipes: what is written is never waited for.
    let folder = try ScratchFolder()
    let (output, errors) = (folder.url("output"), folder.url("errors"))
    try Data().write(to: output)
    try Data().write(to: errors)
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = try FileHandle(forWritingTo: output)
    process.standardError = try FileHandle(forWritingTo: errors)
    try process.run()
    process.waitUntilExit()
    return Python.Result(
      status: process.terminationReason == .exit ? process.terminationStatus : -1,
      output: String(decoding: try Data(contentsOf: output), as: UTF8.self),
      errors: String(decoding: try Data(contentsOf: errors), as: UTF8.self))
  }
}

/// A folder that goes with its owner.
final class ScratchFolder {
  private let url: URL

  init() throws {
    url = FileManager.default.temporaryDirectory.appendingPathComponent("rnnkit-schemas-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(at: url) }

  func url(_ name: String) -> URL { url.appendingPathComponent(name) }
  func path(_ name: String) -> String { url(name).path }
}

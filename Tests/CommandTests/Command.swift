import Foundation
import Testing

/// The built command, run as a user runs it.
enum Command {
  struct Result {
    var status: Int32
    var output: String
    var errors: String
    /// Standard output's bytes.
    var data: Data
  }

  /// The package's folder.
  static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()
  static let samples = root.appendingPathComponent("SampleModels")
  /// Files that are not part of the package; tests that need them are skipped where they are absent.
  static let shared = root.deletingLastPathComponent().appendingPathComponent("shared")
  static func hasShared(_ folder: String) -> Bool { FileManager.default.fileExists(atPath: shared.appendingPathComponent(folder).path) }

  /// `rnn` beside the test bundle, as this very build made it.
  static let executable: URL = {
    let configuration = Bundle.allBundles.map(\.bundleURL).first { $0.pathExtension == "xctest" }
      ?? URL(fileURLWithPath: CommandLine.arguments[0])
    return configuration.deletingLastPathComponent().appendingPathComponent("rnn")
  }()

  /// This process's environment without what the command heeds, so that a test is the same wherever it runs.
  static let environment = ProcessInfo.processInfo.environment.filter { name, _ in
    !["NO_COLOR", "COLUMNS", "LANG"].contains(name) && !name.hasPrefix("LC_")
  }

  /// Runs the command to its end, with `input` as standard input.
  static func run(_ arguments: String..., input: String? = nil, in folder: URL? = nil) throws -> Result {
    try run(arguments, input: input, in: folder)
  }

  static func run(_ arguments: [String], input: String? = nil, in folder: URL? = nil) throws -> Result {
    try run(arguments, data: Data((input ?? "").utf8), in: folder)
  }

  /// With bytes as standard input.
  static func run(_ arguments: [String], data: Data, in folder: URL? = nil) throws -> Result {
    let process = Process()
    process.executableURL = executable
    process.arguments = arguments
    process.currentDirectoryURL = folder ?? root
    process.environment = environment
    // Files rather than pipes: neither end can block the other.
    let scratch = try Scratch()
    let (out, err, source) = (scratch.url("out"), scratch.url("err"), scratch.url("in"))
    for url in [out, err] { try Data().write(to: url) }
    try data.write(to: source)
    process.standardOutput = try FileHandle(forWritingTo: out)
    process.standardError = try FileHandle(forWritingTo: err)
    process.standardInput = try FileHandle(forReadingFrom: source)
    try process.run()
    process.waitUntilExit()
    #expect(process.terminationReason == .exit, "the command ended by a signal: \(arguments)")
    let output = try Data(contentsOf: out)
    return Result(
      status: process.terminationStatus, output: String(decoding: output, as: UTF8.self),
      errors: String(decoding: try Data(contentsOf: err), as: UTF8.self), data: output)
  }
}

/// A folder of a test's own, removed with it.
final class Scratch {
  let folder: URL

  init() throws {
    folder = FileManager.default.temporaryDirectory.appendingPathComponent("rnnkit-tests-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(at: folder) }

  func url(_ name: String) -> URL { folder.appendingPathComponent(name) }
  func path(_ name: String) -> String { url(name).path }

  /// Names of the files in the folder, hidden ones included.
  var contents: [String] {
    ((try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []).sorted()
  }

  /// The files in the folder by name, folders without their contents.
  func files() throws -> [String: Data] {
    try contents.reduce(into: [:]) { result, name in
      var isFolder: ObjCBool = false
      _ = FileManager.default.fileExists(atPath: path(name), isDirectory: &isFolder)
      let isLink = (try? FileManager.default.destinationOfSymbolicLink(atPath: path(name))) != nil
      result[name] = isFolder.boolValue || isLink ? Data() : try Data(contentsOf: url(name))
    }
  }
}

import Foundation
import RNNKit
import Testing

/// Where an output may go, and where it may not.
@Suite struct DestinationTests {
  private let scratch: Scratch
  private let model: String

  init() throws {
    scratch = try Scratch()
    model = try Samples.native("lstm", scratch)
  }

  /// A command line under which folders' modes count: root's right to pass over them is given up.
  private static let respectingModes: [String] = getuid() == 0
    ? ["setpriv", "--bounding-set=-dac_override,-dac_read_search", "--"] : []

  private static let modesCount: Bool = {
    guard let scratch = try? Scratch() else { return false }
    chmod(scratch.folder.path, 0o555)
    defer { chmod(scratch.folder.path, 0o755) }
    return (try? run(["test", "!", "-w", scratch.folder.path], under: respectingModes))?.status == 0
  }()

  private static func run(_ arguments: [String], under prefix: [String]) throws -> (status: Int32, errors: String) {
    let logs = try Scratch()
    try Data().write(to: logs.url("err"))
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = prefix + arguments
    process.standardOutput = FileHandle.nullDevice
    process.standardError = try FileHandle(forWritingTo: logs.url("err"))
    try process.run()
    process.waitUntilExit()
    return (process.terminationStatus, String(decoding: try Data(contentsOf: logs.url("err")), as: UTF8.self))
  }

  @Test(.enabled(if: modesCount, "this user may write everywhere"), arguments: ["rnn", "h5"])
  func refusesAFolderThatThisUserMayNotWriteTo(_ format: String) throws {
    try FileManager.default.createDirectory(at: scratch.url("closed"), withIntermediateDirectories: false)
    let old = scratch.path("closed/old.\(format)")
    try Data("old".utf8).write(to: URL(fileURLWithPath: old))
    chmod(scratch.path("closed"), 0o555)
    defer { chmod(scratch.path("closed"), 0o755) }
    for path in [old, scratch.path("closed/new.\(format)")] {
      let result = try Self.run(
        [Command.executable.path, "convert", model, path, "--force", "--quiet"], under: Self.respectingModes)
      #expect(result.status == 73)
      #expect(result.errors
        == "rnn: \(path): cannot be created: Permission denied; check that the folder exists and may be written to\n")
    }
    #expect(try FileManager.default.contentsOfDirectory(atPath: scratch.path("closed")) == ["old.\(format)"])
    #expect(try Data(contentsOf: URL(fileURLWithPath: old)) == Data("old".utf8))
  }

  @Test(arguments: ["rnn", "h5", "pt"]) func replacesTheFileThatALinkNames(_ format: String) throws {
    try FileManager.default.createDirectory(at: scratch.url("far"), withIntermediateDirectories: false)
    let (file, link, waiting) = ("far/file.\(format)", "link.\(format)", "waiting.\(format)")
    try Data("old".utf8).write(to: scratch.url(file))
    symlink(file, scratch.path(link))
    symlink("far/none.\(format)", scratch.path(waiting))
    #expect(try Refusal.of(["convert", model, scratch.path(link)], status: 73, in: scratch)
      == "\(scratch.path(link)): exists already; choose another name, or replace it with --force")
    for name in [link, waiting] {
      #expect(try Command.run("convert", model, scratch.path(name), "--force", "--quiet").status == 0)
      #expect(try Command.run("diff", model, scratch.path(name)).status == 0)
      #expect((try? FileManager.default.destinationOfSymbolicLink(atPath: scratch.path(name))) != nil)
    }
    #expect(try FileManager.default.contentsOfDirectory(atPath: scratch.path("far")).sorted()
      == ["file.\(format)", "none.\(format)"])
  }

  @Test func leavesOtherNamesOfTheOldFileAlone() throws {
    try Data("old".utf8).write(to: scratch.url("a.rnn"))
    try #require(link(scratch.path("a.rnn"), scratch.path("b.rnn")) == 0)
    #expect(try Command.run("convert", model, scratch.path("a.rnn"), "--force", "--quiet").status == 0)
    #expect(try Data(contentsOf: scratch.url("b.rnn")) == Data("old".utf8))
  }

  @Test(arguments: zip(["rnn", "h5", "pt", "npz", "keras"], ["native", "hdf5", "torch", "npz", "keras"]))
  func writesTheWholeFileIntoAPipe(_ format: String, _ name: String) throws {
    let (pipe, file) = (scratch.path("pipe." + format), scratch.path("file." + format))
    try #require(Command.run("convert", model, file, "--quiet").status == 0)
    try #require(mkfifo(pipe, 0o600) == 0)
    let reader = Process()
    reader.executableURL = URL(fileURLWithPath: "/bin/sh")
    reader.arguments = ["-c", "exec timeout 60 cat \"$1\" > \"$2\"", "sh", pipe, scratch.path("read")]
    try reader.run()
    #expect(try Command.run("convert", model, pipe, "--quiet").status == 0)
    reader.waitUntilExit()
    let whole = try Data(contentsOf: URL(fileURLWithPath: file))
    #expect(try Data(contentsOf: scratch.url("read")) == whole)
    let out = try Command.run("convert", model, "-", "--to", name, "--quiet")
    #expect(out.status == 0, "\(out.errors)")
    #expect(out.data == whole)
  }

  @Test(arguments: ["rnn", "h5", "pt", "npz", "safetensors", "onnx", "json", "keras"])
  func saysThatADeviceIsFull(_ format: String) throws {
    let path = scratch.path("full." + format)
    symlink("/dev/full", path)
    #expect(try Refusal.of(["convert", model, path], status: 74, in: scratch)
      == "\(path): cannot be written: No space left on device; free some space on the disk")
  }

  @Test(arguments: ["rnn", "h5", "pt", "npz", "safetensors", "onnx", "json", "keras"])
  func convertsAFileOntoItself(_ format: String) throws {
    let (path, original) = (scratch.path("copy." + format), scratch.path("original." + format))
    try #require(Command.run("convert", model, original, "--quiet").status == 0)
    try FileManager.default.copyItem(atPath: original, toPath: path)
    symlink("copy." + format, scratch.path("link." + format))
    let names = scratch.contents
    #expect(try Refusal.of(["convert", path, path], status: 73, in: scratch)
      == "\(path): exists already; choose another name, or replace it with --force")
    for (from, to) in [(path, path), (scratch.path("link." + format), path), (path, scratch.path("link." + format))] {
      let result = try Command.run("convert", from, to, "--force", "--quiet")
      #expect(result.status == 0, "\(result.errors)")
      #expect(try Command.run("diff", original, path).status == 0)
      #expect(scratch.contents == names)
    }
  }

  @Test func refusesMoreThroughAPipeThanTheLimit() throws {
    let result = try Self.run(["sh", "-c", "exec \"$0\" inspect - < /dev/zero", Command.executable.path], under: [])
    #expect(result.status == 65)
    #expect(result.errors == "rnn: -: more than 1024 MiB through a pipe; save it as a file first\n")
  }

  @Test func refusesALineWithoutAnEnd() throws {
    let result = try Self.run(
      ["sh", "-c", "exec \"$0\" run \"$1\" --stream < /dev/zero", Command.executable.path, model], under: [])
    #expect(result.status == 65)
    #expect(result.errors == "rnn: standard input: line 1: more than 67108864 bytes; give one step a line\n")
  }

  /// Who reads through a pipe may stop: as with other programs, that is no error to be told.
  @Test func endsQuietlyWhereNobodyReadsOn() throws {
    for command in ["inspect \"$1\"", "formats", "convert \"$1\" - --to native --quiet", "--help"] {
      let result = try Self.run(
        ["bash", "-c", "set -o pipefail; \"$0\" \(command) | exec true", Command.executable.path, model], under: [])
      #expect([0, 128 + SIGPIPE].contains(result.status), "\(command)")
      #expect(result.errors.isEmpty, "\(command): \(result.errors)")
    }
  }
}

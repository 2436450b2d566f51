import Foundation
import Testing

/// The command and `rnn-hdf5`, the program that reads HDF5 for it.
@Suite struct HDF5ProcessTests {
  private let sample = Command.samples.appendingPathComponent("rnn_1_layer.h5").path

  @Test func refusesATimeoutOfNothing() throws {
    let result = try Command.run("inspect", sample, "--timeout", "0")
    #expect(result.status == 64)
  }

  /// Runs the command with a shell script in the place of `rnn-hdf5`.
  private func inspect(_ script: String, _ options: String...) throws -> (status: Int32, errors: String) {
    let scratch = try Scratch()
    try Data("#!/bin/sh\nprintf 1 >&6\n\(script)\n".utf8).write(to: scratch.url("child"))
    chmod(scratch.path("child"), 0o755)
    try Data().write(to: scratch.url("err"))
    let process = Process()
    process.executableURL = Command.executable
    process.arguments = ["inspect", sample] + options
    process.environment = Command.environment.merging(["RNNKIT_HDF5": scratch.path("child")]) { $1 }
    process.standardOutput = FileHandle.nullDevice
    process.standardError = try FileHandle(forWritingTo: scratch.url("err"))
    try process.run()
    process.waitUntilExit()
    #expect(process.terminationReason == .exit)
    return (process.terminationStatus, String(decoding: try Data(contentsOf: scratch.url("err")), as: UTF8.self))
  }

  @Test(arguments: [
    ("kill -SEGV $$", "it crashed the HDF5 library (signal 11); the file is damaged or hostile: get it again from a source you trust"),
    ("kill -KILL $$", "the HDF5 library was killed (signal 9), perhaps for want of memory; the file is damaged or hostile: get it again from a source you trust"),
    ("echo could not allocate memory >&2; kill -ABRT $$",
      "the HDF5 library asked for more than 768 MiB of memory; the file is damaged or hostile: get it again from a source you trust"),
    ("while :; do :; done",
      "the HDF5 library got no further in 1 s and was stopped; the file is damaged or hostile; if it is only large, give it longer with --timeout"),
  ])
  func endsWithOneLineWhereTheProcessDies(_ script: String, _ problem: String) throws {
    let result = try inspect(script, "--timeout", "1")
    #expect(result.status == 65)
    #expect(result.errors == "rnn: \(sample): \(problem)\n")
  }

  @Test func saysThatAFileWasShortenedWhileTheProcessReadIt() throws {
    let result = try inspect("kill -BUS $$")
    #expect(result.status == 74)
    #expect(result.errors
      == "rnn: \(sample): cannot be read: it was shortened meanwhile, or its disk fails; work on a copy that nobody writes to\n")
  }

  /// libhdf5, and what comes with it, is linked to one program only.
  @Test func onlyTheSecondProgramIsLinkedToLibhdf5() throws {
    func needsLibhdf5(_ name: String) throws -> Bool {
      let program = Command.executable.deletingLastPathComponent().appendingPathComponent(name)
      let bytes = try Data(contentsOf: program, options: .alwaysMapped)
      return bytes.range(of: Data("H5Fopen".utf8)) != nil || bytes.range(of: Data("libhdf5_serial.so".utf8)) != nil
    }
    #expect(try needsLibhdf5("rnn-hdf5"))
    #expect(try !needsLibhdf5("rnn"))
  }

  @Test func saysThatTheProgramIsMissing() throws {
    let scratch = try Scratch()
    try FileManager.default.copyItem(at: Command.executable, to: scratch.url("rnn"))
    let process = Process()
    process.executableURL = scratch.url("rnn")
    process.arguments = ["inspect", sample]
    try Data().write(to: scratch.url("err"))
    process.standardError = try FileHandle(forWritingTo: scratch.url("err"))
    try process.run()
    process.waitUntilExit()
    #expect(process.terminationStatus == 70)
    let errors = String(decoding: try Data(contentsOf: scratch.url("err")), as: UTF8.self)
    #expect(errors.contains("install rnn-hdf5 beside this program"))
  }
}

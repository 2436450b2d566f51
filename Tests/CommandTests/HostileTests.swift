import Foundation
import Testing

/// Hostile files through the whole command; `make hostile` does the same with many more.
@Suite struct HostileTests {
  /// Counts of a run of the script, or its findings.
  private func run(
    _ arguments: [String], program: String = Command.executable.path
  ) throws -> (status: Int32, output: String) {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = ["python3", "-B", Command.root.appendingPathComponent("Tests/Hostile/run.py").path,
      "--rnn", program] + arguments
    let scratch = try Scratch()
    _ = try Data().write(to: scratch.url("out"))
    process.standardOutput = try FileHandle(forWritingTo: scratch.url("out"))
    try process.run()
    process.waitUntilExit()
    return (process.terminationStatus, String(decoding: try Data(contentsOf: scratch.url("out")), as: UTF8.self))
  }

  /// Programs that do what `rnn` must not, and what the script says of them.
  @Test(arguments: [
    ("echo 'rnn: no; none' >&2; exit 65", nil),
    ("sleep 2; echo 'rnn: no; none' >&2; exit 65", "inspect took "),
    ("ulimit -t 2; while :; do :; done", "inspect took "),
    ("kill -SEGV $$", "inspect ended by SIGSEGV"), ("exit 1", "inspect exit status 1"), ("exit 65", "0 lines about"),
    ("echo 'rnn: no' >&2; echo 'rnn: none' >&2; exit 65", "2 lines about"), ("exit 0", "convert wrote []"),
    ("echo 'rnn: no' >&2; test -z \"$3\" || echo x > \"$3\"; exit 65", "convert left ['output.rnn']"),
    ("python3 -c 'b\"x\" * (1100 << 20)'; echo 'rnn: no' >&2; exit 65", "inspect held 11"),
  ] as [(String, String?)])
  func theScriptSeesWhatMayNotBe(_ script: String, _ fault: String?) throws {
    let scratch = try Scratch()
    try Data("#!/bin/sh\n\(script)\n".utf8).write(to: scratch.url("rnn"))
    chmod(scratch.path("rnn"), 0o755)
    let (status, output) = try run(
      ["--count", "1", "--seconds", "1", "--jobs", "1"], program: scratch.path("rnn"))
    #expect(status == (fault == nil ? 0 : 1), "\(output)")
    #expect(output.contains(fault ?? "; 0 faults\n"), "\(output)")
  }

  @Test func mutatedFilesNeverHurt() throws {
    let (status, output) = try run(["--seed", "6", "--count", "120"])
    #expect(status == 0, "\(output)")
  }

  @Test(.enabled(if: FileManager.default.fileExists(atPath: Command.shared.appendingPathComponent("hostile-hdf5").path)))
  func publishedHostileFilesNeverHurt() throws {
    let (status, output) = try run(
      ["--count", "0", "--known", Command.shared.appendingPathComponent("hostile-hdf5").path])
    #expect(status == 0, "\(output)")
  }
}

/// HDF5 as plain arrays: what goes in and what comes out.
@Suite struct HDF5ArrayTests {
  private let model = Command.samples.appendingPathComponent("rnn_1_layer.rnn").path

  @Test func runsOnTheCaseOfAnHDF5File() throws {
    // The sample's own file holds its one case, whose input it runs on.
    let scratch = try Scratch()
    let sample = Command.samples.appendingPathComponent("rnn_1_layer.h5").path
    let run = try Command.run("run", model, "--input", sample, "--output", scratch.path("y.h5"))
    #expect(run.status == 0, "\(run.errors)")
    // What was written goes in again: output is no input, so it is refused by name.
    let again = try Command.run("run", model, "--input", scratch.path("y.h5"))
    #expect(again.status == 65)
    #expect(again.errors == "rnn: \(scratch.path("y.h5")): holds no array named input, but output, hn; name the array input\n")
  }
}

import Foundation
import RNNKit
import Testing

/// Outputs that cannot be written: nothing is left behind, and what was there stays.
@Suite struct OutputRefusalTests {
  private let scratch: Scratch
  private let model: String

  init() throws {
    scratch = try Scratch()
    model = try Samples.native("lstm", scratch)
    try ArrayFile.write([NamedTensor("", try tensor(noise(24), 3, 2, 4))], scratch.path("x.npy"))
  }

  /// Every command line that writes a file of that extension's kind.
  private func writers(_ rnn: String, _ npz: String) -> [(arguments: [String], path: String)] {
    let run = ["run", model, "--input", scratch.path("x.npy")]
    return [
      (["convert", model, rnn], rnn), (run + ["--output", npz], npz), (run + ["--state-out", npz], npz),
      (["run", model, "--stream", "--state-out", npz], npz),
    ]
  }

  @Test func keepsAnExistingFile() throws {
    for name in ["old.rnn", "old.npz"] { try Data("old".utf8).write(to: scratch.url(name)) }
    for (arguments, path) in writers(scratch.path("old.rnn"), scratch.path("old.npz")) {
      #expect(try Refusal.of(arguments, status: 73, in: scratch)
        == "\(path): exists already; choose another name, or replace it with --force")
    }
    // Where one of two outputs exists, the other is not written either.
    #expect(try Refusal.of(
      ["run", model, "--input", scratch.path("x.npy"), "--output", scratch.path("new.npz"), "--state-out", scratch.path("old.npz")],
      status: 73, in: scratch) == "\(scratch.path("old.npz")): exists already; choose another name, or replace it with --force")
  }

  @Test func replacesAnExistingFileOnlyWhenForced() throws {
    for name in ["old.rnn", "old.npz"] { try Data("old".utf8).write(to: scratch.url(name)) }
    for (arguments, path) in writers(scratch.path("old.rnn"), scratch.path("old.npz")) {
      let result = try Command.run(arguments + ["--force"])
      #expect(result.status == 0, "\(result.errors)")
      #expect(try Data(contentsOf: URL(fileURLWithPath: path)).count > 3)
    }
    // In place: the model is read while it is replaced.
    let before = try Data(contentsOf: URL(fileURLWithPath: model))
    #expect(try Command.run("convert", model, model, "--force", "--quiet").status == 0)
    #expect(try Data(contentsOf: URL(fileURLWithPath: model)) == before)
    #expect(scratch.contents.allSatisfy { !$0.hasPrefix(".") })
  }

  @Test func refusesAFolderThatIsMissing() throws {
    for (arguments, path) in writers(scratch.path("none/m.rnn"), scratch.path("none/y.npz")) {
      #expect(try Refusal.of(arguments, status: 73, in: scratch)
        == "\(path): cannot be created: No such file or directory; check that the folder exists and may be written to")
    }
  }

  @Test func refusesAFolderAsAFile() throws {
    for name in ["m.rnn", "y.npz", "plain"] {
      try FileManager.default.createDirectory(at: scratch.url(name), withIntermediateDirectories: false)
    }
    for (arguments, path) in writers(scratch.path("m.rnn"), scratch.path("y.npz")) + writers(scratch.path("plain"), scratch.path("plain")) {
      for force in [[], ["--force"]] {
        #expect(try Refusal.of(arguments + force, status: 73, in: scratch) == "\(path): is a folder; name a file in it")
      }
    }
  }

  @Test func refusesAFolderClosedToWriting() throws {
    // /proc takes no files, not even from root.
    for (arguments, path) in writers("/proc/m.rnn", "/proc/y.npz") {
      let message = try Refusal.of(arguments, status: 73, in: scratch)
      #expect(message.hasPrefix("\(path): cannot be created: "))
    }
  }

  @Test func saysThatTheDiskIsFull() throws {
    for name in ["full.rnn", "full.npz"] {
      try FileManager.default.createSymbolicLink(atPath: scratch.path(name), withDestinationPath: "/dev/full")
    }
    for (arguments, path) in writers(scratch.path("full.rnn"), scratch.path("full.npz")) where !arguments.contains("--state-out") {
      #expect(try Refusal.of(arguments, status: 74, in: scratch)
        == "\(path): cannot be written: No space left on device; free some space on the disk")
    }
  }

  @Test(arguments: [["inspect"], ["inspect", "--json"], ["verify"], ["formats"], ["--help"], ["diagnose"]])
  func saysThatStandardOutputIsFull(arguments: [String]) throws {
    let process = Process()
    process.executableURL = Command.executable
    process.arguments = arguments + (["formats", "--help"].contains(arguments[0]) ? [] : [model])
    process.standardOutput = FileHandle(forWritingAtPath: "/dev/full")
    try Data().write(to: scratch.url("err"))
    process.standardError = try FileHandle(forWritingTo: scratch.url("err"))
    try process.run()
    process.waitUntilExit()
    #expect(process.terminationStatus == 74)
    #expect(try String(contentsOf: scratch.url("err"), encoding: .utf8)
      == "rnn: standard output cannot be written: No space left on device; check where it goes\n")
  }

  @Test(arguments: [
    ("inspect \"$1\"", 74, "standard output cannot be written: Bad file descriptor; check where it goes"),
    ("formats", 74, "standard output cannot be written: Bad file descriptor; check where it goes"),
    ("convert \"$1\" - --to native", 73, "-: standard output is closed; name a file"),
    ("inspect -", 66, "-: standard input is closed; name a file"),
    ("run \"$1\" --stream", 74, "standard input: line 1: cannot be read: Bad file descriptor; check where it comes from"),
  ])
  func saysThatAStandardFileIsClosed(_ command: String, _ status: Int32, _ message: String) throws {
    let shell = Process()
    shell.executableURL = URL(fileURLWithPath: "/bin/sh")
    shell.arguments = ["-c", "exec \"$0\" \(command) <&- >&-", Command.executable.path, model]
    try Data().write(to: scratch.url("err"))
    shell.standardError = try FileHandle(forWritingTo: scratch.url("err"))
    try shell.run()
    shell.waitUntilExit()
    #expect(shell.terminationStatus == status)
    #expect(try String(contentsOf: scratch.url("err"), encoding: .utf8) == "rnn: \(message)\n")
  }

  @Test func writesNoRemarkIntoAModelWhereStandardErrorIsClosed() throws {
    let shell = Process()
    shell.executableURL = URL(fileURLWithPath: "/bin/sh")
    shell.arguments = ["-c", "exec \"$0\" convert \"$1\" \"$2\" --dtype f64 <&- >&- 2>&-", Command.executable.path, model, scratch.path("m.rnn")]
    try shell.run()
    shell.waitUntilExit()
    #expect(shell.terminationStatus == 0)
    #expect(try Command.run("inspect", scratch.path("m.rnn")).status == 0)
  }

  @Test func refusesAFormatThatCannotBeWritten() throws {
    let formats = "native, safetensors, npz, "
    for (options, start) in [
      ([scratch.path("m.foo")], "\(scratch.path("m.foo")): the name's extension tells no format that can be written; name one with --to: "),
      ([scratch.path("m.rnn"), "--to", "nonsense"], "no format is named nonsense; choose one of "),
      ([scratch.path("m.rnn"), "--to", "nam"], "nam can be read but not written; choose one of "),
      ([scratch.path("m.rnn"), "--from", "nonsense"], "no format is named nonsense; choose one of "),
    ] {
      let message = try Refusal.of(["convert", model] + options, status: 64, in: scratch)
      #expect(message.hasPrefix(start + formats), "\(message)")
    }
    let message = try Refusal.of(["convert", model, scratch.path("m.h5"), "--from", "safetensors"], status: 65, in: scratch)
    #expect(message.hasPrefix(model + ": "))
  }
}

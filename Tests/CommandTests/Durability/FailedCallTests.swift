import Foundation
import Testing

/// Every system call of a conversion fails in turn, each in the ways it can.
@Suite(.enabled(if: FailCall.isAvailable, "this system lets no process be traced"))
struct FailedCallTests {
  struct Conversion: Sendable, CustomTestStringConvertible {
    var input: String
    var output: String
    /// Whose calls fail. Where the child's start and its confinement do, the status may be 70.
    var victim: FailCall.Victim = .rnn
    /// Failures that must have been among those tried.
    var calls: Set<String> = ["pwrite64 ENOSPC", "fsync EIO", "linkat ENOSPC", "rename EIO", "mmap ENOMEM", "openat EMFILE"]

    var testDescription: String { "\(input) to \(output), \(victim == .rnn ? "rnn" : "rnn-hdf5")" }
  }

  private static let start: Set<String> = ["fcntl EMFILE", "dup2 EMFILE", "prlimit64 EPERM", "prctl EPERM", "execve ENOENT"]

  @Test(arguments: [
    Conversion(input: "rnn", output: "rnn"), Conversion(input: "rnn", output: "pt"), Conversion(input: "rnn", output: "json"),
    Conversion(input: "h5", output: "rnn"), Conversion(input: "h5", output: "rnn", victim: .child, calls: start),
    Conversion(input: "rnn", output: "h5"), Conversion(input: "rnn", output: "h5", victim: .child, calls: start),
  ])
  func everyCallFailsInTurn(_ conversion: Conversion) throws {
    let (scratch, logs, temporary) = (try Scratch(), try Scratch(), try Scratch())
    let (input, output) = (scratch.path("in." + conversion.input), scratch.path("out." + conversion.output))
    try #require(Command.run("convert", Samples.path("rnn_1_layer"), input, "--quiet").status == 0)
    let convert = ["convert", input, output, "--force", "--quiet"]
    try #require(Command.run(convert).status == 0)
    let (names, new) = (scratch.contents, try Data(contentsOf: URL(fileURLWithPath: output)))
    let old = Data("what was there before".utf8)
    var tried: Set<String> = []
    try FailCall.forEachFailure(of: conversion.victim, convert, logs: logs, temporary: temporary.folder.path) {
      try old.write(to: URL(fileURLWithPath: output))
      chmod(output, 0o640)
    } after: { result in
      tried.insert(result.failure)
      let found = try Data(contentsOf: URL(fileURLWithPath: output))
      #expect(result.output.isEmpty, result.comment)
      if result.status == 0 {
        #expect(found == new, result.comment)
        #expect(result.errors.isEmpty, result.comment)
      } else {
        let isExpected = [66, 73, 74].contains(result.status) || conversion.victim == .child && result.status == 70
        #expect(isExpected && result.failure != "end", result.comment)
        #expect(found == old, result.comment)
        let lines = result.errors.split(separator: "\n", omittingEmptySubsequences: false)
        #expect(lines.count == 2 && lines.last == "", result.comment)
        #expect(result.errors.hasPrefix("rnn: ") && result.errors.contains("; "), result.comment)
      }
      // Unconfined, libhdf5 sees no file. EINVAL is a kernel's that has no filters.
      if result.failure == "prctl EPERM" { #expect(result.status == 70, result.comment) }
      let mode = try FileManager.default.attributesOfItem(atPath: output)[.posixPermissions] as? Int
      #expect(mode == 0o640, result.comment)
      #expect(scratch.contents == names, result.comment)
      #expect(temporary.contents.isEmpty, result.comment)
    }
    #expect(tried.isSuperset(of: conversion.calls), "not tried: \(conversion.calls.subtracting(tried))")
  }

  @Test func everyCallOfARunFailsInTurn() throws {
    let (scratch, logs) = (try Scratch(), try Scratch())
    let model = try Samples.native("rnn_1_layer", scratch)
    let reference = try #require(try Samples.open("rnn_1_layer").archive.cases.first)
    try ArrayFile.writeInputs(reference, scratch.path("x.npz"))
    let outputs = [("--output", scratch.path("y.npz")), ("--state-out", scratch.path("state.npz"))]
    let run = ["run", model, "--input", scratch.path("x.npz"), "--force"] + outputs.flatMap { [$0, $1] }
    try #require(Command.run(run).status == 0)
    let (names, new) = (scratch.contents, try outputs.map { try Data(contentsOf: URL(fileURLWithPath: $0.1)) })
    let old = Data("what was there before".utf8)
    var tried: Set<String> = []
    try FailCall.forEachFailure(of: .rnn, run, logs: logs) {
      for output in outputs { try old.write(to: URL(fileURLWithPath: output.1)) }
    } after: { result in
      let found = try outputs.map { try Data(contentsOf: URL(fileURLWithPath: $0.1)) }
      if result.status == 0 {
        #expect(found == new, result.comment)
      } else {
        #expect([66, 73, 74].contains(result.status) && result.failure != "end", result.comment)
        #expect(found == [old, old], result.comment)
        #expect(result.errors.hasPrefix("rnn: ") && result.errors.hasSuffix("\n"), result.comment)
        #expect(result.errors.filter(\.isNewline).count == 1, result.comment)
      }
      // A replaced file that cannot be removed keeps its hidden name until the next run.
      let left = scratch.contents.filter { result.failure != "unlink EIO" || !$0.hasPrefix(".rnn-") }
      #expect(left == names, result.comment)
      tried.insert(result.failure)
    }
    #expect(tried.isSuperset(of: ["rename EIO", "renameat2 EIO", "fsync EIO", "linkat EIO"]), "\(tried)")
  }
}

import Foundation
import RNNKit
import Testing

/// The help is the manual: it must be right.
@Suite struct HelpTests {
  private static let commands = ["", "convert", "run", "verify", "inspect", "diff", "diagnose", "draw", "formats"]

  private static func help(_ command: String) throws -> String {
    let result = try Command.run(command.isEmpty ? ["--help"] : [command, "--help"])
    #expect(result.status == 0 && result.errors.isEmpty)
    return result.output
  }

  @Test(arguments: commands) func keepsWithinEightyColumns(command: String) throws {
    let help = try Self.help(command)
    #expect(help.split(separator: "\n").allSatisfy { $0.count <= 80 })
    // A paragraph broken twice has short lines in the middle.
    #expect(try Command.run(["help"] + (command.isEmpty ? [] : [command])).output == help)
    for word in ["TODO", "(values: )", "<path>"] { #expect(!help.contains(word)) }
  }

  /// Lines of help that begin with a command, with the files that they name made first.
  @Test(arguments: commands) func givesExamplesThatWork(command: String) throws {
    let scratch = try Scratch()
    let fixtures: [(String, () throws -> Void)] = [
      ("model.h5", { try FileManager.default.copyItem(atPath: Samples.path("rnn_relu"), toPath: scratch.path("model.h5")) }),
      ("model.rnn", { _ = try Samples.native("rnn_relu", scratch) }),
      ("model.keras", {
        let keras = Command.root.appendingPathComponent("Tests/RNNKitTests/Fixtures/keras-graphs/skip.keras").path
        try FileManager.default.copyItem(atPath: keras, toPath: scratch.path("model.keras"))
      }),
      ("dump.h5", { try ArrayFile.write(Samples.open("rnn_relu").archive.tensors, scratch.path("dump.h5")) }),
      ("weights.h5", { try ArrayFile.write(Samples.open("rnn_relu").archive.tensors, scratch.path("weights.h5")) }),
      ("outputs.npz", {
        try ArrayFile.write(#require(Samples.open("rnn_relu").archive.cases.first).members, scratch.path("outputs.npz"))
      }),
      ("whole.h5", { try FileManager.default.copyItem(atPath: Samples.path("head_head"), toPath: scratch.path("whole.h5")) }),
      ("odd.h5", { try FileManager.default.copyItem(atPath: Samples.file("rename/weights.h5"), toPath: scratch.path("odd.h5")) }),
      ("names.json", { try FileManager.default.copyItem(atPath: Samples.file("rename/mapping.json"), toPath: scratch.path("names.json")) }),
    ]
    let arrays = ["x.npy", "first.npy", "second.npy", "x.csv"]
    for line in try Self.help(command).split(separator: "\n") where line.hasPrefix("  rnn ") || line.contains(" | rnn ") {
      // What a space of two or more sets apart is an explanation.
      let example = String(line.dropFirst(2)).components(separatedBy: "   ")[0]
      for (name, make) in fixtures where example.contains(" " + name) && !scratch.contents.contains(name) && name != "model.rnn" {
        try make()
      }
      if example.contains(" model.rnn"), !example.contains("convert"), !scratch.contents.contains("model.rnn") { try fixtures[1].1() }
      if example.hasPrefix("rnn convert"), scratch.contents.contains("model.rnn") { try FileManager.default.removeItem(at: scratch.url("model.rnn")) }
      for name in arrays where example.contains(" " + name) {
        try ArrayFile.write([NamedTensor("", try tensor(noise(20), 5, 4))], scratch.path(name))
      }
      if let pipe = example.range(of: " | ") {
        let arguments = example[pipe.upperBound...].split(separator: " ").dropFirst().map(String.init)
        #expect(try Command.run(arguments, data: Data("1 2 3 4\n".utf8), in: scratch.folder).status == 0, "\(example)")
      } else {
        let result = try Command.run(example.split(separator: " ").dropFirst().map(String.init), in: scratch.folder)
        #expect(result.status == 0, "\(example): \(result.errors)")
      }
    }
  }

  @Test func refusesWhatItDoesNotKnow() throws {
    let scratch = try Scratch()
    let names = "convert, run, verify, inspect, diff, diagnose, draw, bench, formats"
    #expect(try Refusal.of(["frobnicate"], status: 64, in: scratch) == "there is no command named frobnicate; choose one of \(names)")
    #expect(try Refusal.of(["--frobnicate"], status: 64, in: scratch) == "Unknown option '--frobnicate'; see 'rnn --help'")
    #expect(try Refusal.of(["inspect", "a", "b"], status: 64, in: scratch) == "Unexpected argument 'b'; see 'rnn inspect --help'")
    #expect(try Refusal.of(["inspect", "--frobnicate", "a"], status: 64, in: scratch)
      == "Unknown option '--frobnicate'; see 'rnn inspect --help'")
    #expect(try Refusal.of(["convert", "a"], status: 64, in: scratch)
      == "Missing expected argument '<output>'; see 'rnn convert --help'")
    #expect(try Refusal.of(["convert", "a", "b", "--dtype", "f8"], status: 64, in: scratch) == """
      The value 'f8' is invalid for '--dtype <type>'; please provide one of 'f64', 'f32', 'f16' or 'bf16'; see 'rnn convert --help'
      """)
  }

  @Test func showsItsVersionAndCompletions() throws {
    let version = try Command.run("--version")
    #expect(version.status == 0 && version.output.split(separator: ".").count == 3)
    for shell in ["bash", "zsh", "fish"] {
      let script = try Command.run("--generate-completion-script", shell)
      #expect(script.status == 0 && script.output.contains("diagnose"))
    }
    #expect(try Command.run().output == Self.help(""))
  }
}

import Foundation
import RNNKit
import Testing

/// The help is the manual: it must be right.
@Suite struct HelpTests {
  private static let commands = ["", "convert", "run", "verify", "inspect", "diff", "diagnose", "draw", "report", "bench", "formats"]

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
      ("half.rnn", { _ = try Samples.native("rnn_relu", scratch, as: "half.rnn") }),
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
      ("amp.nam", {
        let model = Command.root.appendingPathComponent("Tests/RNNFormatsTests/Fixtures/json/lstm.nam").path
        try FileManager.default.copyItem(atPath: model, toPath: scratch.path("amp.nam"))
      }),
      ("guitar.wav", {
        let sound = Command.root.appendingPathComponent("Tests/RNNFormatsTests/Fixtures/sound/s16.wav").path
        try FileManager.default.copyItem(atPath: sound, toPath: scratch.path("guitar.wav"))
      }),
      ("model.pt", {
        let model = try Samples.open("head_head")
        try Model(model.archive, architecture: model.architecture).write(to: scratch.path("model.pt"), replacing: true)
      }),
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
      if example.hasPrefix("rnn convert") {
        let output = String(example.split(separator: " ")[3])
        if scratch.contents.contains(output) { try FileManager.default.removeItem(at: scratch.url(output)) }
      }
      if example.contains(" y=y.npy") {
        let reference = try #require(Samples.open("head_head").archive.cases.first)
        for (file, member) in [("x.npy", "input"), ("y.npy", "y")] {
          try ArrayFile.write([NamedTensor("", try #require(reference[member]))], scratch.path(file))
        }
      }
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
    let names = "convert, run, verify, inspect, diff, diagnose, draw, report, bench, formats"
    #expect(try Refusal.of(["frobnicate"], status: 64, in: scratch) == "there is no command named frobnicate; choose one of \(names)")
    #expect(try Refusal.of(["--frobnicate"], status: 64, in: scratch) == "Unknown option '--frobnicate'; see 'rnn --help'")
    #expect(try Refusal.of(["inspect", "a", "b"], status: 64, in: scratch) == "Unexpected argument 'b'; see 'rnn inspect --help'")
    #expect(try Refusal.of(["inspect", "--frobnicate", "a"], status: 64, in: scratch)
      == "Unknown option '--frobnicate'; see 'rnn inspect --help'")
    #expect(try Refusal.of(["convert", "a"], status: 64, in: scratch)
      == "Missing expected argument '<output>'; see 'rnn convert --help'")
    #expect(try Refusal.of(["convert", "a", "b", "--dtype", "f8"], status: 64, in: scratch) == """
      The value 'f8' is invalid for '--dtype <type>'; please provide one of 'f64', 'f32', 'f16', 'bf16' or 'int8'; see 'rnn convert --help'
      """)
  }

  @Test func showsItsVersionAndCompletions() throws {
    let version = try Command.run("--version")
    let lines = version.output.split(separator: "\n")
    #expect(version.status == 0 && lines.count == 4)
    let number = lines[0].split(separator: " ")
    #expect(number.count == 2 && number[0] == "rnn" && number[1].split(separator: ".").count == 3)
    #expect(lines[1].hasPrefix("  commit  ") && lines[2].hasPrefix("  instruction set  "))
    // What this machine runs and what a plan says it uses are the same.
    let bench = try JSON(Command.run("bench", Samples.path("gru"), "--json", "--seconds", "0.001").output)
    #expect(lines[2].split(separator: " ").last.map(String.init) == bench["instruction_set"]?.string)
    // The libraries' versions, as the build's own packages tell them.
    for (package, name) in [("zlib", "zlib"), ("libxxhash", "xxHash"), ("hdf5", "HDF5")] {
      let found = try Shell.run("pkg-config --modversion \(package)").output.trimmingCharacters(in: .newlines)
      #expect(!found.isEmpty && lines[3].contains("\(name) \(found)"), "\(lines[3]): \(found)")
    }
    #expect(try Command.run("run", "--version").output == version.output)
    for shell in ["bash", "zsh", "fish"] {
      let script = try Command.run("--generate-completion-script", shell)
      #expect(script.status == 0 && script.output.contains("diagnose"))
    }
    #expect(try Command.run().output == Self.help(""))
  }
}

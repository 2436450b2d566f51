import Foundation
import RNNKit
import Testing

/// Options that have no effect are refused in one line that names them.
@Suite struct OptionEffectTests {
  /// What becomes of an option that does nothing.
  enum Row {
    /// It has an effect wherever it is taken; or it says what the file says.
    case always
    /// Refused here, with these words behind the option's name.
    case refused([String], String)
  }

  private static let everyModelOption: [String: Row] = [
    "from": .always,
    "state-dict": .refused(["FILE", "--state-dict", "ema"], "one model"),
    "config": .refused(["FILE", "--config", "CONFIG"], "a config is of Keras' weights"),
    "nonlinearity": .refused(["FILE", "--nonlinearity", "relu"], "of an Elman RNN"),
    "batch-first": .always,
    "forward": .refused(["FILE", "--forward", "fc(lstm(x))", "--module", "lstm"], "both say what is run"),
    "head-activation": .refused(["BARE", "--head-activation", "tanh"], "needs a linear layer"),
    "rename": .refused(["FILE", "--rename", "nowhere=lstm.h0"], "nowhere"),
    "mapping": .refused(["FILE", "--mapping", "MAPPING"], "nowhere"),
    "ignore": .refused(["FILE", "--ignore", "masks"], "on a file that asks for nothing of the kind"),
    "timeout": .refused(["FILE", "--timeout", "5"], "where no HDF5 file is read"),
    "module": .refused(["FILE", "--module", "nowhere"], "the model has no module of this name"),
    "help": .always, "version": .always, "json": .always, "quiet": .always, "ascii": .always, "color": .always, "verbose": .refused(["FILE", "--verbose", "--quiet"], "leave one out"),
  ]

  private static let table: [String: [String: Row]] = [
    "inspect": [:],
    "convert": [
      "to": .always, "dtype": .always, "case": .always, "no-cases": .always, "force": .always,
      "code": .refused(["FILE", "OUT", "--code", "model.py"], "the class of a state_dict"),
    ],
    "verify": [
      "case": .always, "atol": .refused(["FILE", "--case", "CASE", "--atol", "nan"], "are numbers from 0 on"),
      "rtol": .refused(["FILE", "--case", "CASE", "--rtol", "inf"], "are numbers from 0 on"),
      "module": .refused(["FILE", "--case", "CASE", "--module", "nowhere"], "the model has no module of this name"),
      "batch-first": .refused(["FILE", "--case", "CASE", "--batch-first"], "on an input without a batch axis"),
    ],
    "run": [
      "input": .refused(["FILE", "--input", "INPUT", "--stream"], "leave --input out"),
      "output": .refused(["FILE", "--stream", "--output", "OUT.npy"], "--output"),
      "plot": .refused(["FILE", "--stream", "--plot"], "--plot"),
      "h0": .refused(["LINEAR", "--module", "fc", "--h0", "zeros"], "no module with such a state"),
      "c0": .refused(["GRU", "--c0", "zeros"], "no module with such a state"),
      "state-in": .refused(["LINEAR", "--module", "fc", "--state-in", "STATE"], "on modules without a state"),
      "state-out": .refused(["LINEAR", "--module", "fc", "--state-out", "OUT.npz"], "has no state"),
      "precision": .always, "stream": .always,
      "labels": .refused(["FILE", "--stream", "--labels", "INPUT"], "leave it out beside --stream"),
      "threads": .refused(["FILE", "--stream", "--threads", "2"], "beside --stream"),
      "force": .refused(["FILE", "--force"], "without --output or --state-out"),
      "batch-first": .refused(["FILE", "--batch-first"], "on an input without a batch axis"),
    ],
    "diagnose": [
      "input": .always, "batch-first": .refused(["FILE", "--batch-first"], "on an input without a batch axis"),
    ],
    "draw": ["output": .always, "force": .always],
    "report": [
      "output": .always, "force": .always, "input": .refused(["FILE", "FILE", "--input", "INPUT"], "on a page about two models"),
      "timing": .refused(["FILE", "FILE", "--timing"], "on a page about two models"),
    ],
    "bench": [
      "batch": .always, "steps": .refused(["FILE", "--step", "--steps", "7"], "leave --steps out"), "threads": .always,
      "isa": .always, "precision": .always, "step": .always, "whole": .always, "seconds": .always, "paced": .always,
      "json": .refused(["FILE", "--json", "--paced"], "beside --paced"),
      "batch-first": .refused(["FILE", "--batch-first"], "on a bench"),
    ],
  ]

  private let scratch: Scratch

  init() throws {
    scratch = try Scratch()
    let lstm = Module.recurrent(Recurrent(name: "lstm", cell: .lstm, inputSize: 2, hiddenSize: 3))
    let fc = Module.linear(Linear(name: "fc", inFeatures: 3, outFeatures: 2))
    try write([lstm, fc], "FILE")
    try write([lstm, fc], "LINEAR")
    try write([lstm], "BARE")
    try write([.recurrent(Recurrent(name: "gru", cell: .gru, inputSize: 2, hiddenSize: 3))], "GRU")
    try Data(#"{"rename": {"nowhere": "lstm.h0"}}"#.utf8).write(to: scratch.url("MAPPING"))
    try ArrayFile.write([NamedTensor("h0", try tensor(noise(3), 1, 3))], scratch.path("STATE.npz"))
    try ArrayFile.write([NamedTensor("", try tensor(noise(8), 4, 2))], scratch.path("INPUT.npy"))
    try ArrayFile.write([NamedTensor("", try tensor(noise(12), 4, 3))], scratch.path("THREE.npy"))
    try ArrayFile.write(
      [NamedTensor("input", try tensor(noise(8), 4, 2)), NamedTensor("output", try tensor(noise(12), 4, 3))], scratch.path("CASE.npz"))
  }

  private func write(_ modules: [Module], _ name: String) throws {
    var archive = TensorArchive()
    for (name, shape) in modules.flatMap(Model.parameters) {
      try archive.append(name, try #require(Shape(shape).flatMap { Tensor(noise($0.count), $0) }))
    }
    try ArrayFile.write(archive.tensors, scratch.path("\(name).npz"))
  }

  /// A row's arguments with the files of this test.
  private func arguments(_ command: String, _ given: [String]) -> [String] {
    var result = [command] + given.map { argument in
      switch argument {
      case "FILE", "LINEAR", "BARE", "GRU", "STATE", "CASE": scratch.path(argument + ".npz")
      case "INPUT": scratch.path("INPUT.npy")
      case "MAPPING": scratch.path(argument)
      case "CONFIG": Command.root.appendingPathComponent("Tests/RNNKitTests/Fixtures/keras-config/keras2-json/model.json").path
      case "OUT": scratch.path("out.rnn")
      case "OUT.npy", "OUT.npz": scratch.path("out" + argument.dropFirst(3))
      default: argument
      }
    }
    if command == "convert", !given.contains("OUT") { result.insert(scratch.path("out.rnn"), at: 2) }
    if command == "report" { result += ["--output", scratch.path("out.html")] }
    if command == "draw" { result += ["--output", scratch.path("out.svg")] }
    if command == "run", !given.contains("--stream"), !given.contains("--input") {
      result += ["--input", scratch.path(given.contains("LINEAR") ? "THREE.npy" : "INPUT.npy")]
    }
    return result
  }

  /// Every option that `rnn` takes has a row, and every row that refuses does.
  @Test func everyOptionHasAnEffectOrIsRefused() throws {
    let help = try JSON(try Command.run("--experimental-dump-help").output)
    let commands = try #require(help["command"]?["subcommands"]?.array)
    var seen = 0
    for command in commands {
      guard let name = command["commandName"]?.string, let own = Self.table[name] else { continue }
      let rows = Self.everyModelOption.merging(own) { $1 }
      for argument in command["arguments"]?.array ?? [] where argument["kind"]?.string != "positional" {
        for option in argument["names"]?.array?.compactMap({ $0["name"]?.string }) ?? [] where option.count > 1 {
          guard let row = rows[option] else {
            Issue.record("\(name) --\(option) has no row")
            continue
          }
          seen += 1
          guard case .refused(let given, let words) = row else { continue }
          let message = try Refusal.of(arguments(name, given), status: 64, in: scratch, input: "")
          #expect(message.contains(words), "\(name) --\(option): \(message)")
        }
      }
    }
    #expect(seen > 80, "\(seen)")
  }

  /// What says the same as the file, and what has an effect, is taken.
  @Test func takesOptionsThatHaveAnEffect() throws {
    try ArrayFile.write([NamedTensor("", try tensor(noise(16), 2, 4, 2))], scratch.path("batch.npy"))
    let file = scratch.path("FILE.npz")
    for arguments in [
      ["run", file, "--batch-first", "--input", scratch.path("batch.npy"), "--threads", "2"],
      ["run", file, "--batch-first", "--forward", "fc(lstm(x)[0][:, -1])", "--input", scratch.path("INPUT.npy")],
      ["inspect", file, "--batch-first"], ["inspect", Samples.path("chain_embedding"), "--timeout", "20"],
    ] {
      let result = try Command.run(arguments)
      #expect(result.status == 0, "\(arguments): \(result.errors)")
    }
  }
}

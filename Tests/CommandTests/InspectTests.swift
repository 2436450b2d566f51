import Foundation
import RNNKit
import Testing

/// What PyTorch prints of the samples; `Fixtures/make_expected.py` made it.
struct Printed: Decodable {
  struct Outputs: Decodable {
    var `case`: String
    var text: String
  }
  /// By sample, then by module.
  var `repr`: [String: [String: String]]
  /// By sample.
  var print: [String: Outputs]

  static let expected: Result<Printed, any Error> = Result {
    let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    return try JSONDecoder().decode(
      Printed.self, from: Data(contentsOf: folder.appendingPathComponent("Fixtures/expected.json")))
  }
}

/// `rnn inspect`, `rnn formats` and what `rnn run` prints.
@Suite struct InspectTests {
  @Test(arguments: Samples.all) func namesModulesAsPyTorchDoes(sample: String) throws {
    let document = try JSON(Command.run("inspect", Samples.path(sample), "--json").output)
    let modules = try #require(document["modules"]?.array)
    let text = try Command.run("inspect", Samples.path(sample)).output
    var found: [String: String] = [:]
    for module in modules {
      let (name, description) = (try #require(module["name"]?.string), try #require(module["repr"]?.string))
      #expect(text.contains("  \(description)\n"))
      found[name] = description
    }
    guard let expected = try Printed.expected.get().repr[sample] else {
      #expect(sample.hasPrefix("keras_") || sample == "gru_reset_before_two_biases")
      return
    }
    for (name, description) in expected {
      // PyTorch says neither an RNN's nonlinearity nor what the model around a module does with its output.
      let plain = try #require(found[name]).components(separatedBy: " -> ")[0]
        .replacingOccurrences(of: ", returns_sequence=False", with: "")
      let isRNN = description.hasPrefix("RNN(")
      #expect((isRNN ? plain.replacingOccurrences(of: ", nonlinearity=relu", with: "") : plain) == description)
    }
  }

  @Test func namesWhatPyTorchHasNotInTheSameForm() throws {
    for (sample, description) in [
      ("keras_gru_reset_before", "GRU(4, 7, batch_first=True, reset_after=False)"),
      ("keras_lstm_hard_sigmoid_2", "LSTM(4, 7, batch_first=True, gate=hard_sigmoid(alpha=0.2, beta=0.5))"),
      ("keras_rnn_sigmoid", "RNN(4, 7, batch_first=True, nonlinearity=sigmoid)"),
      ("rnn_relu", "RNN(4, 7, num_layers=2, nonlinearity=relu)"),
      ("head_softmax", "Linear(in_features=6, out_features=4, bias=True)"),
      ("head_last_step", "LSTM(3, 8, num_layers=2, batch_first=True)"),
      ("unknown_modules", "not runnable (2 tensors)"),
    ] {
      #expect(try Command.run("inspect", Samples.path(sample)).output.contains("  \(description)\n"), "\(sample)")
    }
  }

  @Test(arguments: ["lstm_1_layer", "extra_tensors", "rnn_float16", "prefix_none", "unknown_modules"])
  func countsWhatThereIs(sample: String) throws {
    let model = try Samples.open(sample)
    let document = try JSON(Command.run("inspect", Samples.path(sample), "--json").output)
    let parameters = try #require(document["parameters"]?.array)
    #expect(parameters.map { $0["name"]?.string } == model.parameterNames)
    #expect(document["carried"]?.array?.map { $0["name"]?.string } == model.carried.map(\.name))
    for entry in parameters + (document["carried"]?.array ?? []) {
      let tensor = try #require(model.archive[entry["name"]?.string ?? ""])
      #expect(entry["shape"]?.array?.map(\.integer) == tensor.shape.dimensions)
      #expect(entry["dtype"]?.string == tensor.elementType.rawValue && entry["bytes"]?.integer == tensor.byteCount)
    }
    let values = model.parameterNames.reduce(0) { $0 + (model.archive[$1]?.count ?? 0) }
    #expect(document["totals"]?["values"]?.integer == values)
    #expect(document["cases"]?.array?.map { $0["name"]?.string } == model.archive.cases.map(\.name))
    #expect(document["bytes"]?.integer == (try Data(contentsOf: URL(fileURLWithPath: Samples.path(sample)))).count)
  }

  /// By hand: an LSTM's matrices are (4·hidden, input) and (4·hidden, hidden), and a head behind its last step runs once for
  /// each sequence.
  @Test func listsWhatEachStepGivesAndCosts() throws {
    let path = Samples.path("head_last_step")
    let steps = try #require(JSON(Command.run("inspect", path, "--json").output)["steps"]?.array)
    let lstm = (4 * 8 * 3 + 4 * 8 * 8) + 2 * (4 * 8 * 8)
    #expect(steps.map { $0["name"]?.string } == ["lstm", "last", "fc", "softmax"])
    #expect(steps.map { $0["multiply_adds"]?.integer } == [lstm, 0, 8 * 4, 0])
    #expect(steps.map { $0["parameters"]?.integer } == [lstm + 4 * 4 * 8, 0, 8 * 4 + 4, 0])
    #expect(steps[0]["inputs"] == .array([.string("x")]) && steps[2]["inputs"] == .array([.integer(1)]))
    #expect(steps[0]["shape"] == .array([.string("batch"), .string("time"), .integer(8)]))
    #expect(steps[2]["shape"] == .array([.string("batch"), .integer(4)]))
    let text = try Command.run("inspect", path).output
    let line = text.split(separator: "\n").first { $0.hasPrefix("  lstm     (") } ?? ""
    #expect(line.split(separator: " ").joined(separator: " ") == "lstm (batch, time, 8) 992 3,968 864")
    #expect(text.contains("  864 multiply-adds for each step of a sequence, and 32 for each sequence\n"), "\(text)")
    // A table is looked up, and a starting state multiplies nothing.
    for sample in ["chain_embedding", "rnn_h0_given"] {
      let document = try JSON(Command.run("inspect", Samples.path(sample), "--json").output)
      for step in document["steps"]?.array ?? [] where step["name"]?.string?.hasPrefix("emb") == true { #expect(step["multiply_adds"]?.integer == 0) }
    }
  }

  @Test func saysWhatItAssumed() throws {
    let path = Samples.file("plain/flat.h5")
    let result = try Command.run("inspect", path)
    #expect(result.errors == """
      note: \(path): rnn: nonlinearity tanh, PyTorch's default (the file does not say; --nonlinearity)
      note: \(path): batch_first False, PyTorch's default (the file does not say; --batch-first)
      note: \(path): forward rnn(x): assumed from sizes and order (the file does not say; --forward)

      """)
    let document = try Command.run("inspect", path, "--json")
    #expect(document.errors.isEmpty)
    #expect(try JSON(document.output)["notes"]?.array?.count == 3)
    let told = try Command.run("inspect", path, "--nonlinearity", "relu", "--batch-first", "--forward", "rnn(x)")
    #expect(told.errors.isEmpty && told.output.contains("RNN(4, 12, num_layers=2, batch_first=True, nonlinearity=relu)"))
  }

  @Test func refusesAnOptionThatContradictsTheFile() throws {
    let scratch = try Scratch()
    let path = Samples.path("rnn_relu")
    for (options, problem) in [
      (["--nonlinearity", "tanh"], "--nonlinearity tanh contradicts the file, which says relu for rnn"),
      (["--batch-first"], "--batch-first contradicts the file, which says batch_first=False"),
      (["--head-activation", "tanh"], "--head-activation needs a linear layer, and the model has none"),
    ] {
      #expect(try Refusal.of(["inspect", path] + options, status: 64, in: scratch) == "\(path): \(problem); leave the option out")
    }
  }

  @Test func listsTheFormats() throws {
    let lines = try Command.run("formats").output.split(separator: "\n").map { $0.split(separator: " ").map(String.init) }
    let models = try #require(lines.split { $0.first == "array" }.first)
    #expect(models.first == ["model", "reads", "writes", "extensions"])
    #expect(Set(models.dropFirst().map { $0[0] }).isSuperset(of: ["native", "safetensors", "npz", "torch", "json", "rtneural", "hdf5"]))
    let written = models.prefix { $0.first != "written" }.dropFirst()
    #expect(written.allSatisfy { $0[1] == "yes" && ["yes", "state_dict", "-"].contains($0[2]) })
    #expect(models.first { $0[0] == "nam" }?[2] == "-" && models.first { $0[0] == "native" }?[3] == ".rnn")
    #expect(models.first { $0[0] == "torch" }?[2] == "state_dict")
    // What a format does not hold, by name.
    let exceptions = models.drop { $0.first != "written" }.dropFirst()
    #expect(exceptions.map { $0[0] } == ["safetensors", "npz", "torch", "json", "aidax", "rtneural", "keras", "keras-h5", "onnx"])
    #expect(exceptions.first { $0[0] == "onnx" }?.dropFirst().starts(with: ["refuses", "projections,"]) == true)
    let document = try JSON(Command.run("formats", "--json").output)
    #expect(document["models"]?.array?.compactMap { $0["name"]?.string } == written.map { $0[0] })
    let arrays = lines.drop { $0.first != "array" }.dropFirst()
    #expect(Set(arrays.map { $0[0] }) == ["npy", "npz", "wav", "json", "csv", "hdf5", "pb"])
  }

  @Test(arguments: [
    "tutorial/sequence_first", "rnn_float64", "rnn_unbatched", "sunspots/sunspots", "head_softmax", "lengths_lstm",
    "empty_batch", "chain_lstm_lstm2_dense",
  ])
  func printsTensorsAsPyTorchDoes(sample: String) throws {
    let scratch = try Scratch()
    let expected = try #require(try Printed.expected.get().print[sample])
    let reference = try #require(try Samples.open(sample).archive.cases.first { $0.name == expected.case })
    try ArrayFile.writeInputs(reference, scratch.path("x.npz"))
    let result = try Command.run("run", Samples.path(sample), "--input", scratch.path("x.npz"))
    #expect(result.status == 0 && result.errors.isEmpty, "\(result.errors)")
    let (found, wanted) = (Self.tensors(result.output), Self.tensors(expected.text))
    #expect(found.keys.sorted() == wanted.keys.sorted())
    for (name, text) in wanted {
      // Every character but digits; and digits but for the last, which a number at a tie may round either way.
      let printed = try #require(found[name])
      #expect(Self.withoutDigits(printed) == Self.withoutDigits(text), "\(name)")
      #expect(zip(Self.numbers(printed), Self.numbers(text)).allSatisfy { abs($0 - $1) <= 1.01e-4 * max(abs($1), 0.1) }, "\(name)")
    }
  }

  /// Printed tensors by name.
  private static func tensors(_ text: String) -> [String: String] {
    var result: [String: String] = [:]
    var name = ""
    for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
      let isName = line.first?.isLetter == true && !line.hasPrefix("tensor(")
      if isName { name = String(line) } else { result[name, default: ""] += line + "\n" }
    }
    return result.mapValues { $0.trimmingCharacters(in: .newlines) }
  }

  private static func withoutDigits(_ text: String) -> String { String(text.map { $0.isNumber ? "0" : $0 }) }

  private static func numbers(_ text: String) -> [Double] {
    text.split { !"0123456789+-.e".contains($0) }.compactMap { Double($0) }
  }
}

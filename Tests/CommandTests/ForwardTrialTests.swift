import Foundation
import RNNKit
import Testing

/// Files that do not say their forward and have reference cases, which tell it; see Fixtures/make_trials.py, whose cases are
/// PyTorch's numbers.
@Suite struct ForwardTrialTests {
  private static let folder = Command.root.appendingPathComponent("Tests/CommandTests/Fixtures/trials")
  private let scratch: Scratch

  init() throws { scratch = try Scratch() }

  private static func path(_ name: String) -> String { folder.appendingPathComponent("\(name).h5").path }

  /// The lines of the models in Python, without those that no line says.
  private static func lines() throws -> [(name: String, line: String)] {
    let text = String(decoding: try Data(contentsOf: folder.appendingPathComponent("lines.json")), as: UTF8.self)
    return try #require(try JSON(text).members).compactMap { member in member.value.string.map { (member.key, $0) } }
  }

  private func model(_ name: String) throws -> Model {
    try ModelFile.open(Self.path(name), registry: Samples.registry).model
  }

  /// The reproducing line is the model's own, and every command takes it.
  @Test func everyCommandTakesTheLineThatReproducesTheCases() throws {
    let lines = try Self.lines()
    #expect(lines.count > 20)
    for (name, line) in lines {
      let path = Self.path(name)
      let document = try JSON(try Command.run("inspect", path, "--json").output)
      #expect(document["forward"]?["line"]?.string == line, "\(name)")
      #expect(document["forward"]?["source"]?.string == "case", "\(name)")
      let notes = document["notes"]?.array?.compactMap(\.string) ?? []
      #expect(notes.contains { $0.hasPrefix("forward \(line): reproduces the 2 reference cases, of ") }, "\(name): \(notes)")
      #expect(!notes.contains { $0.contains("assumed") }, "\(name): \(notes)")

      let verified = try Command.run("verify", path)
      #expect(verified.status == 0 && verified.output.contains("2 of 2 cases hold"), "\(name): \(verified.output)\(verified.errors)")
      let reference = try #require(model(name).archive.cases.last)
      try ArrayFile.writeInputs(reference, scratch.path("x.npz"))
      let run = try Command.run("run", path, "--input", scratch.path("x.npz"), "--output", scratch.path("y.npz"), "--force")
      #expect(run.status == 0, "\(name): \(run.errors)")
      let expected = try #require(reference["y"]).doubles
      let found = try #require(try ArrayFile.read(scratch.path("y.npz"))["y"]).doubles
      #expect(found.count == expected.count && zip(found, expected).allSatisfy { abs($0 - $1) < 2e-6 }, "\(name)")
      #expect(try Command.run("diagnose", path).status == 0, "\(name)")

      let native = scratch.path("\(name).rnn")
      #expect(try Command.run("convert", path, native).status == 0)
      let kept = try JSON(try Command.run("inspect", native, "--json").output)
      #expect(kept["forward"]?["line"]?.string == line && kept["forward"]?["source"]?.string == "file", "\(name)")
    }
  }

  /// An assumption whose result has another time axis than the case's `y` is taken back; the lines that are printed give one
  /// of the same shape.
  @Test(arguments: ["mean", "mean_after_two"])
  func refusesWhatHasAnotherTimeAxisThanTheCases(_ name: String) throws {
    let reference = try #require(model(name).archive.cases.first)
    try ArrayFile.writeInputs(reference, scratch.path("x.npz"))
    let run = ["run", Self.path(name), "--input", scratch.path("x.npz")]
    let message = try Refusal.of(run, status: 64, in: scratch)
    #expect(message.contains(" lines tried reproduces the 2 reference cases; say what is computed: --forward "), "\(message)")
    if name == "mean" {
      #expect(message.contains(
        "the reference case first has one y for each sequence, and fc(lstm(x)) gives one for every step; none of the "), "\(message)")
    }
    let lines = message.components(separatedBy: "--forward ").dropFirst().map { text in
      text.components(separatedBy: " or ")[0].trimmingCharacters(in: ["'"])
    }
    #expect(lines.count > 2)
    for line in lines {
      let result = try Command.run(run + ["--forward", line, "--output", scratch.path("y.npz"), "--force"])
      #expect(result.status == 0, "\(line): \(result.errors)")
      #expect(try ArrayFile.read(scratch.path("y.npz"))["y"]?.shape == reference["y"]?.shape, "\(line)")
    }
    // It is shown and carried all the same.
    let document = try JSON(try Command.run("inspect", Self.path(name), "--json").output)
    #expect(document["forward"]?["line"] == .null && document["forward"]?["source"] == .null)
    #expect(document["forward"]?["candidates"]?.array?.compactMap(\.string) == lines)
    let converted = try Command.run("convert", Self.path(name), scratch.path("m.rnn"))
    #expect(converted.status == 0 && converted.errors.contains("note: no forward is written: "), "\(converted.errors)")
  }

  /// What is assumed stays, with a word, where no line reproduces the cases and the shape fits.
  @Test func saysThatNoLineReproducesTheCases() throws {
    let result = try Command.run("verify", Self.path("scaled"))
    #expect(result.status == 1)
    #expect(result.errors.contains(
      "forward fc(lstm(x)): assumed from sizes and order (the file does not say; --forward); none of the "), "\(result.errors)")
    #expect(result.errors.contains(" lines tried reproduces the 2 reference cases\n"), "\(result.errors)")
  }

  @Test func triesNothingWhereTheUserSaysWhatIsComputed() throws {
    let path = Self.path("last_step")
    let said = try Command.run("verify", path, "--forward", "fc(first(lstm(x)))")
    #expect(said.status == 1 && !said.errors.contains("reproduces"), "\(said.errors)")
    let part = try Command.run("inspect", path, "--module", "lstm")
    #expect(part.status == 0 && !part.errors.contains("reproduces"), "\(part.errors)")
  }

  /// Cases that the command is given tell it too.
  @Test func triesLinesOnTheCasesOfTheCommand() throws {
    let model = try model("relu")
    // In the order of the modules, as a state_dict has it.
    let recurrent = model.archive.tensors.filter { $0.name.hasPrefix("lstm.") }
    let others = model.archive.tensors.filter { !$0.name.hasPrefix("lstm.") }
    try ArrayFile.write(recurrent + others, scratch.path("m.npz"))
    try ArrayFile.write(try #require(model.archive.cases.first).members, scratch.path("c.npz"))
    let verified = try Command.run("verify", scratch.path("m.npz"), "--case", scratch.path("c.npz"))
    #expect(verified.status == 0, "\(verified.errors)")
    #expect(verified.errors.contains("forward fc2(relu(fc1(last(lstm(x))))): reproduces the reference case, of "), "\(verified.errors)")
    let native = scratch.path("m.rnn")
    #expect(try Command.run("convert", scratch.path("m.npz"), native, "--case", scratch.path("c.npz")).status == 0)
    #expect(try Command.run("inspect", native).output.contains("\nforward  fc2(relu(fc1(last(lstm(x)))))\n"))
  }

  /// Where a case cannot tell two lines apart that differ elsewhere, both are named; where they are the same, one.
  @Test(arguments: [(bias: [0.2, 0.25] as [Float], areTheSame: false), (bias: [5, 6], areTheSame: true)])
  func namesLinesThatTheCasesDoNotTellApart(bias: [Float], areTheSame: Bool) throws {
    var archive = TensorArchive()
    // Biases that keep everything between the linear layers above zero: on small inputs, or on any.
    let shapes: [(String, [Int], [Float])] = [
      ("lstm.weight_ih_l0", [12, 2], noise(24)), ("lstm.weight_hh_l0", [12, 3], noise(36, seed: 2)),
      ("fc1.weight", [2, 3], noise(6, seed: 3)), ("fc1.bias", [2], bias), ("fc2.weight", [2, 2], [1, -1, 0.5, -2]), ("fc2.bias", [2], [1, -1]),
    ]
    for (name, sizes, values) in shapes { try archive.append(name, try #require(Shape(sizes).flatMap { Tensor(values, $0) })) }
    try ArrayFile.write(archive.tensors, scratch.path("m.npz"))
    let input = try tensor(noise(8, seed: 5).map { $0 / 100 }, 4, 1, 2)
    try ArrayFile.write([NamedTensor("input", input)], scratch.path("x.npz"))
    let run = try Command.run(
      "run", scratch.path("m.npz"), "--input", scratch.path("x.npz"), "--forward", "fc2(fc1(lstm(x)))", "--output", scratch.path("y.npz"))
    #expect(run.status == 0, "\(run.errors)")
    let y = try #require(try ArrayFile.read(scratch.path("y.npz"))["y"])
    try ArrayFile.write([NamedTensor("input", input), NamedTensor("y", y)], scratch.path("c.npz"))
    let result = try Command.run("verify", scratch.path("m.npz"), "--case", scratch.path("c.npz"))
    #expect(result.errors.contains("forward fc2(relu(fc1(lstm(x)))): reproduces the reference case"), "\(result.errors)")
    #expect(result.errors.contains("; so do fc2(fc1(lstm(x))) and ") != areTheSame, "\(result.errors)")
    #expect(areTheSame || result.errors.contains(", which give other numbers on other inputs\n"), "\(result.errors)")
  }

  private func write(_ modules: [Module], _ input: Tensor, _ y: Tensor) throws -> [String] {
    var archive = TensorArchive()
    for (seed, (name, shape)) in modules.flatMap(Model.parameters).enumerated() {
      try archive.append(name, try #require(Shape(shape).flatMap { Tensor(noise($0.count, seed: seed), $0) }))
    }
    try ArrayFile.write(archive.tensors, scratch.path("m.npz"))
    try ArrayFile.write([NamedTensor("input", input), NamedTensor("y", y)], scratch.path("c.npz"))
    return ["convert", scratch.path("m.npz"), scratch.path("m.rnn"), "--case", scratch.path("c.npz")]
  }

  @Test func triesNoMoreLinesThanTheLimit() throws {
    let modules: [Module] = [
      .recurrent(Recurrent(name: "lstm", cell: .lstm, inputSize: 3, hiddenSize: 3)),
      .linear(Linear(name: "fc1", inFeatures: 3, outFeatures: 3)), .linear(Linear(name: "fc2", inFeatures: 3, outFeatures: 3)),
    ]
    let result = try Command.run(write(modules, tensor(noise(12), 4, 1, 3), tensor(noise(12, seed: 9), 4, 1, 3)))
    #expect(result.errors.contains("none of the 512 lines tried reproduces the reference case"), "\(result.errors)")
  }

  /// A long sequence of a large model, of which the last step alone is known, is not run.
  @Test func runsNoCaseBeyondTheLimitOfWork() throws {
    let modules: [Module] = [
      .recurrent(Recurrent(name: "lstm", cell: .lstm, inputSize: 1, hiddenSize: 512)), .linear(Linear(name: "fc", inFeatures: 512, outFeatures: 1)),
    ]
    let steps = 8 * Limits.maximumTrialWork / (4 * 512 * 513) + 1
    let result = try Command.run(write(modules, tensor(noise(steps), steps, 1, 1), tensor([1], 1, 1)))
    #expect(result.status == 0)
    #expect(result.errors.contains("the reference case is too large to try lines on"), "\(result.errors)")
  }

  /// A word on what else may be meant, in text and JSON.
  @Test func inspectShowsOtherLinesWhereTheForwardIsAssumed() throws {
    let model = try model("states")
    try ArrayFile.write(model.archive.tensors, scratch.path("m.npz"))
    let shown = try Command.run("inspect", scratch.path("m.npz"))
    #expect(shown.output.contains("""

      forward  fc(gru(x))
        or it may be  fc(last(gru(x)))
        or it may be  fc(cat(gru(x).hn[2], gru(x).hn[3]))

      """), "\(shown.output)")
    let forward = try JSON(try Command.run("inspect", scratch.path("m.npz"), "--json").output)["forward"]
    #expect(forward?["source"]?.string == "assumption" && (forward?["candidates"]?.array?.count ?? 0) > 1)
    // What is said has no others.
    let said = try JSON(try Command.run("inspect", scratch.path("m.npz"), "--json", "--forward", "fc(gru(x))").output)["forward"]
    #expect(said?["source"]?.string == "option" && said?["candidates"]?.array?.isEmpty == true)
  }
}

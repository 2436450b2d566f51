import Foundation
import RNNKit
import Testing

/// Words that do not exist come first, with the nearest that does.
@Suite struct WordTests {
  private let scratch: Scratch

  init() throws { scratch = try Scratch() }

  @Test(arguments: [
    // Whatever else is wrong, and missing because of it.
    ("run m.rnn --inpt x.npy", "Unknown option '--inpt'; did you mean --input?"),
    ("run m.rnn --inptu=x.npy", "Unknown option '--inptu'; did you mean --input?"),
    ("run --treads 2", "Unknown option '--treads'; did you mean --threads?"),
    ("run m.rnn -input x.npy", "Unknown option '-input'; did you mean --input?"),
    ("run m.rnn -t 2", "Unknown option '-t'; see 'rnn run --help'"),
    ("run m.rnn --Input x.npy", "Unknown option '--Input'; did you mean --input?"),
    ("run m.rnn --in x.npy", "Unknown option '--in'; did you mean --input?"),
    ("run m.rnn --stream --batchfirst", "Unknown option '--batchfirst'; did you mean --batch-first?"),
    ("diagnose --jsno", "Unknown option '--jsno'; did you mean --json?"),
    ("inspect m.rnn --threads 2", "Unknown option '--threads', which rnn run, rnn bench take; see 'rnn inspect --help'"),
    ("convert a.pt -o b.rnn", "Unknown option '-o'; give the output by its place: rnn convert <input> <output>"),
    ("convert a.pt --output b.rnn", "Unknown option '--output'; give the output by its place: rnn convert <input> <output>"),
    ("inspect --model m.rnn", "Unknown option '--model'; give the model by its place: rnn inspect <model>"),
    ("convert a b --frobnicate", "Unknown option '--frobnicate'; see 'rnn convert --help'"),
    // A value is no option, and what follows -- is none.
    ("run m.rnn --forward inpt", "Missing expected argument '--input <file>'; see 'rnn run --help'"),
    ("inspect -- --a --b", "Unexpected argument '--b'; see 'rnn inspect --help'"),
    ("inspcet m.rnn", "there is no command named inspcet; did you mean inspect?"),
    ("infer m.rnn", "there is no command named infer; choose one of convert, run, verify, inspect, diff, diagnose, draw, report, bench, formats"),
    ("help covnert", "there is no command named covnert; did you mean convert?"),
    ("--verison", "Unknown option '--verison'; did you mean --version?"),
    ("inspect m.rnn --from pth", "no format is named pth; did you mean torch?"),
    ("inspect m.rnn --from safetensor", "no format is named safetensor; did you mean safetensors?"),
    ("convert m.rnn o --to onx", "no format is named onx; did you mean onnx?"),
  ])
  func comeFirst(_ line: String, _ expected: String) throws {
    let arguments = line.split(separator: " ").map(String.init)
    #expect(try Refusal.of(arguments, status: 64, in: scratch) == expected)
  }

  /// A short option is the long one.
  @Test func shortFormsAreTheLongOnes() throws {
    let (model, input) = (Samples.path("sunspots/sunspots"), Samples.file("sunspots/input.csv"))
    let short = try Command.run(["run", model, "-i", input, "-o", scratch.path("a.npy"), "-q"])
    let long = try Command.run(["run", model, "--input", input, "--output", scratch.path("b.npy")])
    #expect(short.status == 0 && long.status == 0 && short.errors.isEmpty)
    let written = try Data(contentsOf: scratch.url("a.npy"))
    #expect(try written == Data(contentsOf: scratch.url("b.npy")))
    #expect(try Command.run(["run", model, "-i", input, "-o", scratch.path("a.npy")]).status == 73)
    #expect(try Command.run(["run", model, "-i", input, "-fo", scratch.path("a.npy")]).status == 0)
    #expect(try Command.run(["diagnose", model, "-i", input]).status == 0)
  }

  /// What a state_dict leaves open is a note, of which -q spares one.
  @Test func quietCommandsSayNothingBesideResults() throws {
    let model = Command.root.appendingPathComponent("Tests/CommandTests/Fixtures/leftovers/own_parameters.pt").path
    let arrays = Command.root.appendingPathComponent("Tests/CommandTests/Fixtures/leftovers/own_parameters.npz").path
    for command in [["inspect", model], ["run", model, "-i", arrays], ["convert", model, scratch.path("o.rnn"), "-f"], ["diagnose", model],
      ["bench", model, "--seconds", "0.001"], ["diff", model, model], ["formats"]] {
      let said = try Command.run(command), quiet = try Command.run(command + ["-q"])
      #expect(quiet.errors.isEmpty && quiet.status == said.status, "\(command): \(quiet.errors)")
      if command != ["formats"], command[0] != "convert" { #expect(said.errors.hasPrefix("note: "), "\(command)") }
      if command[0] != "bench" { #expect(quiet.output == said.output) }
    }
    #expect(try Command.run("verify", Samples.path("lstm"), "-q").status == 0)
  }

  @Test func listsWhatIsLeftOutOnOneLine() throws {
    let modules = (0..<6).map { Linear(name: "aside\($0)", inFeatures: 3, outFeatures: 2) }
    let lstm = Recurrent(name: "lstm", cell: .lstm, inputSize: 2, hiddenSize: 3)
    var archive = TensorArchive()
    for (name, shape) in ([.recurrent(lstm)] + modules.map(Module.linear)).flatMap(Model.parameters) {
      try archive.append(name, try #require(Shape(shape).flatMap { Tensor(noise($0.count), $0) }))
    }
    let model = scratch.path("m.npz"), input = scratch.path("x.npy")
    try ArrayFile.write(archive.tensors, model)
    try ArrayFile.write([NamedTensor("", try tensor(noise(8), 4, 2))], input)
    func leftOut(_ options: String...) throws -> [String] {
      let result = try Command.run(["run", model, "-i", input, "--forward", "lstm(x)"] + options)
      #expect(result.status == 0, "\(result.errors)")
      return result.errors.split(separator: "\n").filter { $0.contains("left out") }.map(String.init)
    }
    #expect(try leftOut() == ["note: \(model): left out: aside0, aside1, aside2, aside3 and 2 more (-v tells why)"])
    let all = try leftOut("-v")
    #expect(all == (0..<6).map { "note: \(model): aside\($0) is left out: lstm(x) does not call it" })
  }
}

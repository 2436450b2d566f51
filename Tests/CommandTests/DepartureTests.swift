import Foundation
import RNNKit
import Testing

/// What a file asks for and RNNKit does not do: refused by name, unless `--ignore` says to go on without.
@Suite struct DepartureTests {
  private static let fixtures = Command.root.appendingPathComponent("Tests")
  private let scratch: Scratch

  init() throws {
    scratch = try Scratch()
  }

  private static func keras(_ name: String) -> String {
    fixtures.appendingPathComponent("RNNKitTests/Fixtures/keras/\(name)").path
  }

  @Test(arguments: [
    ("functional.h5", "masks", "layer masking: a Masking of mask_value 0.0, and RNNKit masks no steps; "
      + "say --ignore masks to run every step; first take the masked ones out, those at a sequence's end by lengths"),
    ("half_mixed.keras", "half-precision", "layer both: the policy mixed_float16, which computes in half precision, "
      + "and RNNKit does not; say --ignore half-precision to compute in float32"),
  ])
  func goesOnOnlyWhereToldTo(name: String, kind: String, message: String) throws {
    let (model, arrays) = (Self.keras(name), Self.keras(name.components(separatedBy: ".")[0] + ".npz"))
    let (native, y) = (scratch.path("model.rnn"), scratch.path("y.npz"))
    let commands = [
      ["convert", model, native], ["run", model, "--input", arrays, "--output", y], ["diff", model, model],
      ["verify", model], ["diagnose", model],
    ]
    for command in commands {
      for wrong in [[], ["--ignore", kind == "masks" ? "half-precision" : "masks"]] {
        let message = "\(model): \(message)"
        #expect(try Refusal.of(command + wrong, status: 65, in: scratch) == message, "\(command[0])")
      }
    }
    let converted = try Command.run(commands[0] + ["--ignore", kind, "--json"])
    try #require(converted.status == 0, "\(converted.errors)")
    let notes = try #require(try JSON(converted.output)["notes"]?.array).compactMap(\.string)
    let note = kind == "masks" ? "masking: masked steps are run" : "are computed in float32"
    #expect(notes.contains { $0.contains(note) })
    let run = try Command.run(commands[1] + ["--ignore", kind])
    try #require(run.status == 0, "\(run.errors)")
    let (found, expected) = (try #require(try ArrayFile.read(y)["y"]), try #require(try ArrayFile.read(arrays)["y"]))
    #expect(found.shape == expected.shape)
    #expect(zip(found.doubles, expected.doubles).allSatisfy { abs($0 - $1) < 2e-6 })
  }

  @Test func showsWhatItWouldNotRun() throws {
    for (name, note) in [
      ("masked_tokens.keras", "tokens: steps of index 0 are run"), ("half_inside.h5", "policy mixed_bfloat16"),
    ] {
      let text = try Command.run("inspect", Self.keras(name))
      #expect(text.status == 0 && text.errors.contains(note) && text.output.contains("LSTM("))
      let notes = try JSON(Command.run("inspect", Self.keras(name), "--json").output)["notes"]?.array ?? []
      #expect(notes.contains { $0.string?.contains(note) == true })
    }
  }

  @Test func knowsNothingElseToIgnore() throws {
    let result = try Command.run("inspect", Self.keras("plain.h5"), "--ignore", "mask")
    #expect(result.status == 64 && result.errors.contains("masks"))
  }

  @Test func saysWhichKeysOfAnAudioModelItDoesNotUnderstand() throws {
    let path = scratch.path("model.json")
    let text = try String(
      contentsOf: Self.fixtures.appendingPathComponent("RNNFormatsTests/Fixtures/json/aidax.json"), encoding: .utf8)
    try text.replacingOccurrences(of: #""in_skip": 1"#, with: #""in_skip": 1, "author": "A", "in_delay": 2"#)
      .write(toFile: path, atomically: true, encoding: .utf8)
    let note = "carried, not understood: in_delay"
    for arguments in [["inspect", path], ["convert", path, scratch.path("model.rnn"), "--force"]] {
      let said = try Command.run(arguments)
      #expect(said.status == 0 && said.errors.contains("\(note)\n"))
      let document = try JSON(Command.run(arguments + ["--json"]).output)
      #expect(document["notes"]?.array?.contains(.string(note)) == true)
    }
  }

  @Test func runsNoModuleThatAScriptNamesAndItLacks() throws {
    let model = Self.fixtures.appendingPathComponent("RNNFormatsTests/Fixtures/torch/script_classes.pt").path
    let input = scratch.path("x.npy")
    try ArrayFile.write([NamedTensor("", try tensor(noise(15), 1, 5, 3))], input)
    let run = ["run", model, "--input", input, "--output", scratch.path("y.npy")]
    #expect(
      try Refusal.of(run, status: 65, in: scratch).contains(
        "module norm: RNNKit cannot run this layer of class LayerNorm"))
    #expect(
      try Refusal.of(run + ["--module", "rnn", "--module", "plane"], status: 65, in: scratch).contains(
        "module plane: RNNKit cannot run this layer of class LayerNorm; choose --module rnn --module head.0"))
    let part = try Command.run(run + ["-v", "--module", "rnn", "--module", "head.0"])
    #expect(part.status == 0 && part.errors.contains("act is left out: a module by itself does not call it"), "\(part.errors)")
  }
}

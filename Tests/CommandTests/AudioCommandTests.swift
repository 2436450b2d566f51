import Foundation
import RNNKit
import Testing

/// Audio models through the command, against float64 arithmetic (make_audio_cases.py).
@Suite struct AudioCommandTests {
  private static let folder = Command.root.appendingPathComponent("Tests/RNNFormatsTests/Fixtures/json")
  private let scratch: Scratch

  init() throws { scratch = try Scratch() }

  private static func file(_ name: String) -> String { folder.appendingPathComponent(name).path }

  private func run(_ model: String, _ arrays: String) throws -> [Double] {
    let output = scratch.path("y.npz")
    let result = try Command.run("run", model, "--input", arrays, "--output", output, "--force")
    try #require(result.status == 0, "\(result.errors)")
    return try #require(try ArrayFile.read(output)["y"]).doubles
  }

  private func largest(_ found: [Double], _ arrays: String) throws -> Double {
    let expected = try #require(try ArrayFile.read(arrays)["y"]).doubles
    try #require(found.count == expected.count)
    return zip(found, expected).map { abs($0 - $1) }.max() ?? 0
  }

  /// The gain is the audio channel's; a knob is what it is. Whole, in a native file, as ONNX and step by step.
  @Test func gainsTheAudioAndNotTheKnobs() throws {
    let (model, arrays) = (Self.file("aidax_knobs.json"), Self.file("aidax_knobs.npz"))
    let y = try run(model, arrays)
    #expect(try largest(y, arrays) < 1e-5)
    let shown = try Command.run("inspect", model)
    #expect(shown.output.contains("a = x * [0.668"), "\(shown.output)")
    for name in ["model.rnn", "model.h5", "model.onnx", "model.safetensors"] {
      let converted = try Command.run("convert", model, scratch.path(name))
      try #require(converted.status == 0, "\(converted.errors)")
      #expect(try run(scratch.path(name), arrays) == y, "\(name)")
    }
    let input = try #require(try ArrayFile.read(arrays)["input"]).doubles
    let lines = stride(from: 0, to: input.count, by: 2).map { "\(input[$0]),\(input[$0 + 1])\n" }.joined()
    let stream = try Command.run("run", model, "--stream", input: lines)
    try #require(stream.status == 0, "\(stream.errors)")
    #expect(stream.output.split(separator: "\n").compactMap { Float($0) } == y.map(Float.init))
  }

  @Test func takesSizesThatATrainerWroteBesideTheShape() throws {
    let (model, arrays) = (Self.file("rtneural_sizes.json"), Self.file("rtneural_sizes.npz"))
    #expect(try largest(run(model, arrays), arrays) < 1e-5)
    let text = try String(contentsOfFile: model, encoding: .utf8)
    for (old, new, message) in [
      (#""hidden_size": 6"#, #""hidden_size": 7"#, "layers[0].hidden_size: 7, expected 6, which is what the layer's shape ends in"),
      (#""input_size": 1"#, #""input_size": 2"#, "layers[0].input_size: 2, expected 1, which is what the layer before it gives"),
      (#""output_size": 1"#, #""output_size": "1""#, "layers[1].output_size: \"1\", expected 1, which is what the layer's shape ends in"),
      (#""hidden_size": 6"#, #""bidirectional": true"#, "layers[0].bidirectional: true, expected false: RTNeural runs forward alone"),
      (#""hidden_size": 6"#, #""hidden_scale": 6"#, "layers[0].hidden_scale: an unknown key, which may change what the layer computes"),
    ] {
      let changed = text.replacingOccurrences(of: old, with: new)
      try #require(changed != text)
      try changed.write(toFile: scratch.path("model.json"), atomically: true, encoding: .utf8)
      let found = try Refusal.of(["inspect", scratch.path("model.json")], status: 65, in: scratch)
      #expect(
        found == "\(scratch.path("model.json")): \(message); compare with RTNeural's own JSON, or export the model again")
    }
    for harmless in [#""name": "lstm_1""#, #""units": 6"#, #""use_bias": true"#, #""dropout": 0.1"#, #""num_layers": 1"#] {
      try text.replacingOccurrences(of: #""hidden_size": 6"#, with: harmless)
        .write(toFile: scratch.path("model.json"), atomically: true, encoding: .utf8)
      #expect(try Command.run("inspect", scratch.path("model.json")).status == 0, "\(harmless)")
    }
  }
}

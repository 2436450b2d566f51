import Foundation
import RNNKit
import Testing

/// Neural Amp Modeler's convolutional networks against its own classes; see Fixtures/make_nam.py.
@Suite struct NAMTests {
  static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("Fixtures/nam")
  static let names = [
    "wavenet", "nano", "gated", "a2", "gating_modes", "activations", "film", "condition", "head", "slimmable", "convnet",
    "convnet_norm", "linear", "linear_bias", "container",
  ]

  static func path(_ name: String) -> String { folder.appendingPathComponent(name + ".nam").path }

  static func arrays(_ name: String) throws -> [String: Tensor] {
    let arrays = try ArrayRegistry.standard.read(InputFile(folder.appendingPathComponent(name + ".npz").path))
    return Dictionary(uniqueKeysWithValues: arrays.map { ($0.name, $0.tensor) })
  }

  static func floats(_ tensor: Tensor) -> [Float] { tensor.doubles.map(Float.init) }

  /// Within four times PyTorch's own distance from float64, and 2e-7 of the largest number; in float64 within 1e-12.
  @Test(arguments: names) func computesWhatNeuralAmpModelerDoes(_ name: String) throws {
    let model = try ModelFile.open(Self.path(name)).model
    let arrays = try Self.arrays(name)
    let input = try #require(arrays["input"]), torch = try #require(arrays["y"])
    let truth = try #require(arrays["y64"]).doubles
    let found = try #require(try Plan(model).run(input).last)
    try #require(found.shape == torch.shape)
    func distance(_ values: [Double]) -> Double { zip(values, truth).map { abs($0 - $1) }.max() ?? .infinity }
    let largest = max(1, truth.map(abs).max() ?? 0)
    #expect(distance(found.doubles) <= 4 * distance(torch.doubles) + 2e-7 * largest)
    // Slopes and the like that NAM keeps as float32 are the same numbers in either.
    let exact = try #require(try Plan(model, precision: .float64).run(input).last)
    #expect(distance(exact.doubles) <= 1e-12 * largest)
  }

  /// Step by step, and in pieces, from a state that is written and read in between.
  @Test(arguments: names) func streamsTheSameBits(_ name: String) throws {
    let plan = try Plan(ModelFile.open(Self.path(name)).model)
    let input = try #require(Self.arrays(name)["input"])
    let whole = try Self.floats(#require(plan.run(input).last)), sound = Self.floats(input)
    try #require(whole.count == sound.count && plan.isStreamable)
    for size in [1, 7, 30] {
      let runner = try Runner(plan, maximumSteps: size)
      var state = try plan.state(batch: 1), found: [Float] = []
      for start in stride(from: 0, to: sound.count, by: size) {
        let piece = Array(sound[start..<min(sound.count, start + size)])
        var result = [Float](repeating: .nan, count: piece.count)
        var span = result.mutableSpan
        try runner.run(piece.span, steps: piece.count, &state, into: &span)
        found += result
      }
      #expect(found.map(\.bitPattern) == whole.map(\.bitPattern), "in pieces of \(size)")
    }
  }

  @Test(arguments: names) func comesBackFromANativeFile(_ name: String) throws {
    let model = try ModelFile.open(Self.path(name)).model
    let back = try PairSources.read(PairSources.write(model, as: NativeFormat()))
    #expect(back.architecture == model.architecture)
    let input = try #require(Self.arrays(name)["input"])
    #expect(try Self.floats(#require(Plan(back).run(input).last)) == Self.floats(#require(Plan(model).run(input).last)))
  }

  @Test func saysWhatStandsBeforeTheSound() throws {
    let archive = try NAMFormat().read(InputFile(Self.path("linear")))
    #expect(archive.architecture.map { $0.forward?.line(modules: $0.modules) } == "pad(net(pad(x, 23, 0)), -23, 0)")
    #expect(archive.notes.map(\.description) == ["silence before the first sample, 23 steps of it, as Neural Amp Modeler has it"])
    #expect(archive.metadata == [.init("name", .string("made for a test")), .init("sample_rate", .integer(48000))])
  }

  /// Of a container the last model, or the one that is asked for.
  @Test func takesOneModelOfAContainer() throws {
    let file = try InputFile(Self.path("container"))
    let largest = try FormatRegistry.standard.read(file), smaller = try FormatRegistry.standard.read(file, entry: "0")
    #expect(largest.architecture?.modules.first?.outputSize == 2)
    #expect(smaller.architecture?.modules.first?.outputSize == 1)
    #expect(largest.notes.map(\.description).contains("the model is 1 of the 2 in the container, the largest; left out: 0"))
    let refused = #expect(throws: RNNError.self) { try FormatRegistry.standard.read(file, entry: "2") }
    #expect(refused?.problem.description == "no model in the file is named 2")
  }

  /// One defect in a file that is otherwise good.
  @Test(arguments: [
    ("wavenet", #""channels": 4"#, #""channels": 5"#, "config.layers[1].input_size"),
    ("wavenet", #""head_size": 2"#, #""head_size": 3"#, "config.layers[1].channels"),
    ("wavenet", #""kernel_size": 3, "head_size": 1"#, #""kernel_size": 2, "head_size": 1"#, "weights"),
    ("wavenet", #""dilations": [1, 2, 4, 8]"#, #""dilations": [1, 2, 4, 1048576]"#, "config.layers[0].dilations[3]"),
    ("wavenet", #""dilations": [1, 2, 4, 8]"#, #""dilations": [1, 2, 4, 0]"#, "config.layers[0].dilations[3]"),
    ("wavenet", #""dilations": [1, 2, 4, 8]"#, #""dilations": []"#, "config.layers[0].dilations"),
    ("wavenet", #""activation": "Tanh""#, #""activation": "Fasttanh""#, "config.layers[0].activation"),
    ("wavenet", #""gated": false"#, #""gated": false, "stereo": true"#, "config.layers[0].stereo"),
    ("wavenet", #""head": null"#, #""head": null, "tail": 1"#, "config.tail"),
    ("wavenet", #""input_size": 4"#, #""input_size": 3"#, "config.layers[1].input_size"),
    ("wavenet", #""condition_size": 1"#, #""condition_size": 2"#, "config.layers[0].condition_size"),
    ("wavenet", #""version": "0.5.4""#, #""version": "1.0.0""#, "version"),
    ("a2", #""kernel_sizes": [6, 6, 6, 6, 15]"#, #""kernel_sizes": [6, 6, 6, 6]"#, "config.layers[0].kernel_sizes"),
    ("a2", #""layer1x1": {"active": true"#, #""layer1x1": {"active": false"#, "config.layers[0].layer1x1.active"),
    ("a2", #""gating_mode": ["none""#, #""gating_mode": ["open""#, "config.layers[0].gating_mode"),
    ("gating_modes", #""negative_slopes": [0.125, 0.125]"#, #""negative_slopes": [0.125, 0.125, 1]"#, "config.layers[0].activation"),
    ("film", #""groups_input": 2"#, #""groups_input": 3"#, "config.layers[0].dilations[0]"),
    ("film", #""gating_mode": ["blended", "blended"]"#, #""gating_mode": ["gated", "gated"]"#, "config.layers[0].layer1x1_post_film"),
    ("head", #""kernel_sizes": [3, 1, 4]"#, #""kernel_sizes": []"#, "config.head.kernel_sizes"),
    ("condition", #""condition_dsp": {"#, #""condition_dsp": {"sample_rate": 44100, "was": {"#, ""),
    ("convnet", #""dilations": [1, 2, 4, 8]"#, #""dilations": [1, 2, 4]"#, "weights"),
    ("linear", #""receptive_field": 24"#, #""receptive_field": 1048577"#, "config.receptive_field"),
    ("linear", #""bias": false"#, #""bias": false, "in_channels": 2"#, "config.in_channels"),
  ])
  func refusesADefect(_ name: String, _ old: String, _ new: String, _ place: String) throws {
    var text = try String(contentsOfFile: Self.path(name), encoding: .utf8)
    let range = try #require(text.range(of: old))
    text.replaceSubrange(range, with: new)
    let refused = #expect(throws: RNNError.self) { try NAMFormat().read(InputFile(Array(text.utf8), name: "amp.nam")) }
    if !place.isEmpty { #expect(refused?.place == place) }
    #expect(refused?.kind == .badData && refused?.remedy != nil)
  }
}

import RNNFormats
import RNNModel
import Testing

@Suite struct AIDAXTests {
  private func json(_ archive: TensorArchive) throws -> JSONValue {
    try JSONValue(parsing: String(decoding: written(archive, as: AIDAXFormat()), as: UTF8.self))
  }

  /// A dense layer of `size` features, with steps that a test adds.
  private func dense(_ size: Int, _ line: String, outputs: Int = 1) throws -> TensorArchive {
    var archive = TensorArchive()
    try archive.append("fc.weight", floats((0..<size * outputs).map { Float($0 + 1) }, outputs, size))
    try archive.append("fc.bias", floats((0..<outputs).map { Float($0) }, outputs))
    let modules: [Module] = [.linear(Linear(name: "fc", inFeatures: size, outFeatures: outputs))]
    let forward = try Forward(line: line, modules: modules, batchFirst: true)
    archive.architecture = Architecture(modules: modules, forward: forward, batchFirst: true)
    return archive
  }

  @Test(arguments: ["aidax.json", "aidax_knobs.json"]) func givesSkipAndGainsBack(name: String) throws {
    let file = try Fixture.file("json/\(name)")
    #expect(try FormatRegistry.standard.format(of: file).name == AIDAXFormat().name)
    let archive = try AIDAXFormat().read(file)
    let back = try AIDAXFormat().read(InputFile(written(archive, as: AIDAXFormat()), name: "model"))
    #expect(back.architecture == archive.architecture)
    for tensor in archive.tensors { #expect(back[tensor.name]?.isIdentical(to: tensor.tensor) == true, "\(tensor.name)") }
    let (ours, theirs) = (try json(archive), try file.withUnsafeBytes { try JSONValue(parsing: $0) })
    #expect(ours["in_skip"] == .integer(1))
    for key in ["in_gain", "out_gain"] {
      let (found, expected) = (try #require(ours[key]?.double), try #require(theirs[key]?.double))
      #expect(abs(found - expected) < 1e-12 * abs(expected), "\(key)")
    }
  }

  @Test func takesGuitarMLsSkip() throws {
    let archive = try GuitarMLFormat().read(Fixture.file("json/guitarml.json"))
    let json = try json(archive)
    #expect(json["in_skip"] == .integer(1) && json["in_gain"] == nil && json["out_gain"] == nil)
    #expect(error { _ = try written(archive, as: RTNeuralFormat()) } == RNNError(.badData,
      "RTNeural cannot hold a skip from input to output", remedy: "write AIDA-X's JSON, which can, with \(.target, "aidax")"))
  }

  /// The factors of −6 dB and less are known in decibels; what stands around the layer may be written in either order.
  @Test(arguments: [
    ("fc(x * [0.5, 1])", "in_gain", -6.020599913279624), ("fc([0.5, 1] * x)", "in_gain", -6.020599913279624),
    ("0.1 * fc(x)", "out_gain", -20), ("fc(x * [0, 1])", "in_gain", -90), ("x[..., :1] + fc(x)", "in_skip", 1),
  ])
  func writesWhatIsAroundTheLayers(line: String, key: String, value: Double) throws {
    let json = try json(dense(2, line))
    #expect(abs(try #require(json[key]?.double) - value) < 1e-12 * abs(value))
    #expect(Set(["in_gain", "out_gain", "in_skip"].filter { json[$0] != nil }) == [key])
  }

  @Test(arguments: [
    ("fc(x * 0.5)", 1, "an input gain on other features than the first"),
    ("fc(x * [0.5, 0.5])", 1, "an input gain on other features than the first"),
    ("fc(x * [1, 0.5])", 1, "an input gain on other features than the first"),
    ("fc(x) + x", 2, "a skip of 2 features to an output of 2"), ("fc(x) + x[..., :1]", 2, "a skip of 1 features to an output of 2"),
    ("fc(x) * -1", 1, "a gain of -1.0 in decibels"), ("fc(x) * 1e-6", 1, "a gain of 1e-06 in decibels"),
    ("fc(x) - x[..., :1]", 1, "what is no chain of modules"), ("fc(flip(x))", 1, "the step flip"),
    ("last(fc(x)) + last(x[..., :1])", 1, "what is no chain of modules"),
  ])
  func refusesOtherForwards(line: String, outputs: Int, problem: String) throws {
    let refused = error { _ = try written(dense(2, line, outputs: outputs), as: AIDAXFormat()) }
    #expect(refused?.problem == "AIDA-X cannot hold \(problem)")
    #expect(refused?.kind == .badData)
  }

  @Test func keepsATestSignal() throws {
    var archive = try dense(1, "fc(x)")
    let x = try floats([1, 2, -4], 3, 1), y = try floats([1, 2, -4], 3, 1)
    archive.cases = [ReferenceCase(name: "by hand", members: [NamedTensor("input", x), NamedTensor("y", y)])]
    let back = try AIDAXFormat().read(InputFile(written(archive, as: AIDAXFormat()), name: "model"))
    #expect(back.cases.map(\.name) == ["test_signal"])
    #expect(back.cases.first?["input"]?.doubles == [1, 2, -4] && back.cases.first?["y"]?.doubles == [1, 2, -4])
    #expect(try json(archive)["input_batch"]?.array?.compactMap(\.double) == [1, 2, -4])
    // AIDA-X's signals are without gains.
    archive.architecture = try dense(1, "fc(x) * 0.5").architecture
    #expect(try json(archive)["input_batch"] == nil)
    #expect(AIDAXFormat().notes(writing: try Interpretation(archive).model).contains("reference cases are left out"))
  }

  // MARK: RTNeural's own

  private static let hybrid = """
    {"in_shape": [null, null, 1], "layers": [
    {"type": "dense", "activation": "tanh", "shape": [null, null, 2], "weights": [[[1, 2]], [0, 0]]},
    {"type": "conv1d", "activation": "relu", "shape": [null, null, 3], "kernel_size": [1], "dilation": [1],
     "weights": [[[[1, 2, 3], [4, 5, 6]]], [0, 0, 0]]},
    {"type": "prelu", "shape": [null, null, 3], "weights": [[[0.1, 0.2, 0.3]]]},
    {"type": "dense", "shape": [null, null, 1], "weights": [[[1], [2], [3]], [0]]}]}
    """

  @Test func readsAndWritesConvolutions() throws {
    let archive = try RTNeuralFormat().read(InputFile(Array(Self.hybrid.utf8), name: "model"))
    let model = try Interpretation(archive).model
    #expect(model.architecture.forward?.line(modules: model.architecture.modules)
      == "dense_1(prelu(relu(conv1d(tanh(dense(x))))))")
    #expect(model.architecture["conv1d"]
      == .convolution(Convolution(name: "conv1d", inChannels: 2, outChannels: 3, window: TimeWindow(size: 1))))
    // By hand: out 0 takes kernel[0][0][0] and kernel[0][1][0].
    #expect(archive["conv1d.weight"]?.doubles == [1, 4, 2, 5, 3, 6])
    #expect(archive["prelu.weight"]?.shape.dimensions == [3])
    let back = try RTNeuralFormat().read(InputFile(written(archive, as: RTNeuralFormat()), name: "model"))
    #expect(back.architecture == archive.architecture && back["conv1d.weight"]?.doubles == [1, 4, 2, 5, 3, 6])
  }

  @Test(arguments: [#""strides": [2],"#, #""groups": 2,"#, #""padding": "same","#])
  func carriesLayersThatItCannotRun(_ key: String) throws {
    let text = Self.hybrid.replacing("\"kernel_size\"", with: "\(key) \"kernel_size\"")
    let archive = try RTNeuralFormat().read(InputFile(Array(text.utf8), name: "model"))
    let model = try Interpretation(archive).model
    #expect(model.architecture["conv1d"]
      == .unknown(UnknownModule(name: "conv1d", className: "conv1d", tensorNames: ["conv1d.weights.0", "conv1d.weights.1"])))
    #expect(archive["conv1d.weights.0"]?.shape.dimensions == [1, 2, 3])
    #expect(archive.metadata.first { $0.key == "layer conv1d" }?.value["dilation"] == .array([.integer(1)]))
    let refused = error { _ = try written(archive, as: RTNeuralFormat()) }
    #expect(refused?.place == "module conv1d")
  }

  @Test func refusesALayerThatRTNeuralLacks() throws {
    let text = Self.hybrid.replacing("conv1d", with: "conv9d")
    let refused = error { _ = try RTNeuralFormat().read(InputFile(Array(text.utf8), name: "model")) }
    #expect(refused?.place == "layers[1].type")
  }

  @Test(arguments: [
    ("prelu(fc(x))", "prelu(dense(x))"), ("tanh(fc(tanh(x)))", "tanh(dense(tanh(x)))"),
    ("elu(relu(fc(x)))", "elu(relu(dense(x)), alpha=1)"), ("last(fc(x))", "dense(x)"),
    ("identity(fc(dropout(x)))", "dense(x)"),
  ])
  func writesStepsAsLayers(line: String, expected: String) throws {
    var archive = try dense(2, "fc(x)")
    try archive.append("prelu.weight", floats([0.25], 1))
    let modules = (archive.architecture?.modules ?? []) + [.prelu(PReLU(name: "prelu"))]
    let forward = try Forward(line: line, modules: modules, batchFirst: true)
    archive.architecture = Architecture(modules: modules, forward: forward, batchFirst: true)
    let back = try RTNeuralFormat().read(InputFile(written(archive, as: RTNeuralFormat()), name: "model"))
    let architecture = try #require(back.architecture)
    #expect(architecture.forward?.line(modules: architecture.modules) == expected)
    let notes = RTNeuralFormat().notes(writing: try Model(archive, architecture: try #require(archive.architecture))).map(\.description)
    #expect(notes.contains("RTNeural gives every step's output, of which the last is this model's") == line.hasPrefix("last"))
    #expect(notes.contains { $0.contains("no part of the chain") } != line.hasPrefix("prelu"))
  }
}

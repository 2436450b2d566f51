import Foundation
import RNNFormats
import RNNHDF5
import RNNKit
import RNNONNX
import Testing

/// What is written, read again. What ONNX Runtime makes of it is checked by `Tests/Interop/check_onnx.py`.
@Suite struct WritingTests {
  /// Models that ONNX cannot hold.
  static let refused: [String: String] = {
    let projection = { (module: String, size: Int) in
      "module \(module): ONNX's LSTM has no projection (proj_size=\(size)); write another format"
    }
    return [
      "chain_three_cells.h5": projection("lstm", 4), "lengths_lstm_projection_bidirectional.h5": projection("lstm", 4),
      "lstm_bfloat16.h5": projection("lstm", 5), "lstm_float16.h5": projection("lstm", 5),
      "lstm_projection.h5": projection("lstm", 5), "lstm_projection_bidirectional.h5": projection("lstm", 5),
      "lstm_projection_no_bias.h5": projection("lstm", 2),
      "seq2seq.h5":
        "the order of its modules is not known, and an ONNX graph needs one; write another format, name the modules to convert with modules, or say what is computed with forward",
      "unknown_modules.h5":
        "module conv: RNNKit does not know what it computes, and an ONNX graph must say it; write another format, or name the modules to convert with modules",
    ]
  }()

  static let samples = ((try? FileManager.default.subpathsOfDirectory(atPath: Fixture.samples)) ?? []).filter {
    $0.hasSuffix(".h5") && !$0.hasPrefix("rename/")
  }.sorted()

  private static func written(_ model: Model) throws -> InputFile {
    let scratch = try Scratch()
    var output = try OutputFile(scratch.path("model.onnx"), replacing: false)
    try ONNXFormat().write(model, to: &output)
    try output.commit()
    return InputFile(try InputFile(scratch.path("model.onnx")).withUnsafeBytes { Array($0) }, name: "model.onnx")
  }

  @Test(arguments: samples)
  func everySampleComesBackBitForBit(_ name: String) throws {
    let registry = FormatRegistry.standard.adding(HDF5Format(HDF5File()))
    let model = try ModelFile.open("\(Fixture.samples)/\(name)", registry: registry).model
    if let message = Self.refused[name] {
      #expect(refusal { _ = try Self.written(model) } == message)
      return
    }
    let file = try Self.written(model)
    #expect(ONNXFormat().recognizes(file))
    let archive = try ONNXFormat().read(file)
    #expect(archive.architecture == model.architecture)
    #expect(archive.isOrdered == model.archive.isOrdered)
    #expect(archive.metadata == model.archive.metadata)
    #expect(archive.notes == [])
    expectSame(archive.tensors, model.archive.tensors)
    #expect(archive.cases.map(\.name) == model.archive.cases.map(\.name))
    for (first, second) in zip(archive.cases, model.archive.cases) {
      expectSame(first.members, second.members)
      #expect(first.metadata == second.metadata)
    }
  }

  /// Read without what RNNKit adds to the metadata, as another program's file, the graph says the same but for names.
  @Test(arguments: ["lstm_bidirectional.h5", "gru_4_layers.h5", "chain_embedding_batch_first.h5", "head_last_step.h5"])
  func theGraphAloneSaysTheSame(_ name: String) throws {
    let registry = FormatRegistry.standard.adding(HDF5Format(HDF5File()))
    let model = try ModelFile.open("\(Fixture.samples)/\(name)", registry: registry).model
    let bytes = try Self.written(model).withUnsafeBytes { Array($0) }
    // The keys, one letter changed, are somebody else's.
    let others = try #require(String(bytes: bytes, encoding: .isoLatin1)).replacingOccurrences(
      of: "rnnkit.", with: "RNNKIT.")
    let file = InputFile(Array(try #require(others.data(using: .isoLatin1))), name: "other.onnx")
    var archive = try ONNXFormat().read(file)
    for index in archive.architecture?.modules.indices ?? 0..<0 {
      if case .embedding(var module) = archive.architecture?.modules[index] {
        // ONNX does not say which index is padding.
        module.paddingIndex = 0
        archive.architecture?.modules[index] = .embedding(module)
      }
    }
    #expect(archive.architecture == model.architecture)
    expectSame(archive.tensors, model.archive.tensors)
  }

  private func expectSame(
    _ first: [NamedTensor], _ second: [NamedTensor], sourceLocation: SourceLocation = #_sourceLocation
  ) {
    #expect(first.map(\.name) == second.map(\.name), sourceLocation: sourceLocation)
    for (first, second) in zip(first, second) {
      #expect(first.tensor.isIdentical(to: second.tensor), "\(first.name)", sourceLocation: sourceLocation)
    }
  }

  // MARK: What no sample has

  /// A model of random weights.
  private static func model(
    _ modules: [Module], batchFirst: Bool = false, type: ElementType = .float32,
    change: (inout Architecture) -> Void = { _ in }
  ) throws -> Model {
    var random = SystemRandomNumberGenerator()
    var archive = TensorArchive()
    for module in modules {
      for (name, sizes) in Model.parameters(of: module) {
        let shape = try #require(Shape(sizes))
        let values = (0..<shape.count).map { _ in Double.random(in: -0.5...0.5, using: &random) }
        let tensor = try #require(Tensor(values, shape)?.converted(to: type)?.tensor)
        try archive.append(name, tensor)
      }
    }
    var architecture = Architecture(modules: modules, batchFirst: batchFirst)
    change(&architecture)
    return try Model(archive, architecture: architecture)
  }

  private static let everyActivation: [Activation] = [
    .identity, .sigmoid, .tanh, .relu, .hardSigmoid(alpha: 0.2, beta: 0.5), .hardSigmoidKeras3, .leakyReLU(alpha: 0.1),
    .thresholdedReLU(alpha: 0.3), .scaledTanh(alpha: 0.9, beta: 1.1), .elu(alpha: 0.7), .softsign, .softplus,
    .affine(alpha: 0.5, beta: 0.25),
  ]

  @Test(arguments: everyActivation)
  func activationsComeBack(_ activation: Activation) throws {
    var lstm = Recurrent(
      name: "lstm", cell: .lstm, inputSize: 3, hiddenSize: 4, direction: .bidirectional, peephole: true)
    lstm.activations.candidate = activation
    lstm.reverseActivations = Recurrent.Activations(gate: activation, candidate: .tanh, output: .softsign)
    let linear = Linear(name: "fc", inFeatures: 8, outFeatures: 2)
    let model = try Self.model([.recurrent(lstm), .linear(linear)]) {
      let functions: [Function] = activation == .identity ? [] : [.elementwise(activation)]
      $0.forward = Forward([Link(.recurrent(lstm)), Link(.linear(linear), functions: functions)])
    }
    let archive = try ONNXFormat().read(Self.written(model))
    #expect(archive.architecture == model.architecture)
    expectSame(archive.tensors, model.archive.tensors)
  }

  @Test func optionsOfTheOperatorsComeBack() throws {
    let lstm = Recurrent(
      name: "a.lstm", cell: .lstm, inputSize: 3, hiddenSize: 4, numLayers: 2, direction: .reverse, clip: 0.7,
      inputForget: true, peephole: true, hasInitialState: true)
    let gru = Recurrent(
      name: "gru", cell: .gru, inputSize: 4, hiddenSize: 5, bias: false, resetAfter: false)
    let model = try Self.model([.recurrent(lstm), .recurrent(gru)], batchFirst: true, type: .bfloat16) {
      $0.forward = Forward([Link(.recurrent(lstm)), Link(.recurrent(gru), returnsSequence: false)])
    }
    let archive = try ONNXFormat().read(Self.written(model))
    #expect(archive.architecture == model.architecture)
    expectSame(archive.tensors, model.archive.tensors)
  }

  @Test(arguments: [1, 2], [false, true])
  func skipAndGainsComeBack(_ skip: Int, _ batchFirst: Bool) throws {
    let rnn = Recurrent(name: "rnn", cell: .rnn, inputSize: 3, hiddenSize: 4)
    let model = try Self.model(
      [.recurrent(rnn), .linear(Linear(name: "fc", inFeatures: 4, outFeatures: 2))], batchFirst: batchFirst
    ) {
      var frame = Frame(skip: skip)
      (frame.inputGain, frame.outputGain) = (1.5, 0.3)
      $0.forward = Forward($0.modules.map { Link($0) }, in: frame)
    }
    let archive = try ONNXFormat().read(Self.written(model))
    #expect(archive.architecture == model.architecture)
  }

  @Test func refusesNumbersThatFloat32CannotHold() throws {
    var gru = Recurrent(name: "gru", cell: .gru, inputSize: 3, hiddenSize: 4)
    gru.activations.gate = .hardSigmoidKeras2
    let model = try Self.model([.recurrent(gru)], type: .float64)
    #expect(
      refusal { _ = try Self.written(model) }
        == "module gru: alpha=0.2 of its hard_sigmoid is no float32, which ONNX's attributes are; write another format")
    gru.activations.gate = .sigmoid
    gru.clip = 0.1
    let clipped = try Self.model([.recurrent(gru)], type: .float64)
    #expect(
      refusal { _ = try Self.written(clipped) }
        == "module gru: clip=0.1 is no float32, which ONNX's attributes are; write another format")
    gru.clip = nil
    let head = Linear(name: "fc", inFeatures: 4, outFeatures: 1)
    let withHead = try Self.model([.recurrent(gru), .linear(head)], type: .float64) {
      $0.forward = Forward([
        Link(.recurrent(gru)), Link(.linear(head), functions: [.elementwise(.elu(alpha: 0.1))]),
      ])
    }
    #expect(
      refusal { _ = try Self.written(withHead) }
        == "module fc: alpha=0.1 of its elu is no float32, which ONNX's attributes are; write another format")
  }

  @Test func refusesAnUnknownOrder() throws {
    let rnn = Recurrent(name: "rnn", cell: .rnn, inputSize: 3, hiddenSize: 3)
    let model = try Self.model([.recurrent(rnn)]) { $0.forward = nil }
    #expect(
      refusal { _ = try Self.written(model) }
        == "the order of its modules is not known, and an ONNX graph needs one; write another format, name the modules to convert with modules, or say what is computed with forward")
  }

  @Test func refusesParametersOfSeveralTypes() throws {
    let rnn = Recurrent(name: "rnn", cell: .rnn, inputSize: 3, hiddenSize: 4)
    let model = try Self.model([.recurrent(rnn)])
    var archive = TensorArchive()
    for tensor in model.archive.tensors {
      let isBias = tensor.name == "rnn.bias_hh_l0"
      try archive.append(
        tensor.name, isBias ? try #require(tensor.tensor.converted(to: .float16)?.tensor) : tensor.tensor)
    }
    let mixed = try Model(archive, architecture: model.architecture)
    #expect(
      refusal { _ = try Self.written(mixed) }
        == "module rnn: layer 0 has parameters of several types (float16, float32), which ONNX holds in one tensor; "
        + "convert with Conversion.round(to:)")
  }

  @Test func saysThatONNXRuntimeHasNoFloat64() throws {
    let rnn = Recurrent(name: "rnn", cell: .rnn, inputSize: 3, hiddenSize: 4)
    #expect(try ONNXFormat().notes(writing: Self.model([.recurrent(rnn)])) == [])
    #expect(
      try ONNXFormat().notes(writing: Self.model([.recurrent(rnn)], type: .float64))
        == ["float64 is valid ONNX, but ONNX Runtime runs RNN, LSTM and GRU in float32 only"])
  }

  @Test func theSameModelGivesTheSameBytes() throws {
    let rnn = Recurrent(name: "rnn", cell: .rnn, inputSize: 3, hiddenSize: 4, numLayers: 2)
    let model = try Self.model([.recurrent(rnn)])
    let first = try Self.written(model).withUnsafeBytes { Array($0) }
    let second = try Self.written(model).withUnsafeBytes { Array($0) }
    #expect(first == second)
  }
}

import RNNFormats
import RNNModel
import Testing

@Suite struct AudioModelTests {
  private func expectTensors(_ archive: TensorArchive, of name: String) throws {
    let expected = try StateDictJSONFormat().read(Fixture.file("json/\(name).state_dict.json"))
    #expect(archive.tensors.map(\.name) == expected.tensors.map(\.name))
    for tensor in expected.tensors {
      #expect(archive[tensor.name]?.isIdentical(to: tensor.tensor) == true, "\(tensor.name)")
    }
  }

  private func read(_ path: String, as format: any ModelFormat) throws -> TensorArchive {
    let file = try Fixture.file(path)
    #expect(try FormatRegistry.standard.format(of: file).name == format.name)
    let archive = try format.read(file)
    _ = try Interpretation(archive)
    return archive
  }

  @Test func readsRTNeuralsGRU() throws {
    let archive = try read("json/rtneural_gru.json", as: RTNeuralFormat())
    try expectTensors(archive, of: "rtneural_gru")
    let architecture = try #require(archive.architecture)
    #expect(
      architecture.modules == [
        .linear(Linear(name: "dense", inFeatures: 2, outFeatures: 3)),
        .recurrent(Recurrent(name: "gru", cell: .gru, inputSize: 3, hiddenSize: 4)),
        .linear(Linear(name: "dense_1", inFeatures: 4, outFeatures: 2)),
        .linear(Linear(name: "dense_2", inFeatures: 2, outFeatures: 1, bias: false)),
      ])
    #expect(architecture.batchFirst)
    #expect(
      architecture.forward?.line(modules: architecture.modules) == "dense_2(sigmoid(dense_1(gru(tanh(dense(x))))))")
    #expect(archive.notes.contains("GRU gates reordered from z, r, h to r, z, n"))
  }

  @Test func readsRTNeuralsLSTM() throws {
    let archive = try read("json/rtneural_lstm.json", as: RTNeuralFormat())
    try expectTensors(archive, of: "rtneural_lstm")
    #expect(
      archive.architecture?.modules == [
        .recurrent(Recurrent(name: "lstm", cell: .lstm, inputSize: 2, hiddenSize: 3)),
        .recurrent(Recurrent(name: "lstm_1", cell: .lstm, inputSize: 3, hiddenSize: 2)),
        .linear(Linear(name: "dense", inFeatures: 2, outFeatures: 3)),
        .linear(Linear(name: "dense_1", inFeatures: 3, outFeatures: 2)),
        .linear(Linear(name: "dense_2", inFeatures: 2, outFeatures: 3)),
      ])
  }

  @Test(arguments: ["gru", "lstm"])
  func writesRTNeuralsLayoutBack(cell: String) throws {
    let archive = try read("json/rtneural_\(cell).json", as: RTNeuralFormat())
    let back = try roundTrip(archive, through: RTNeuralFormat())
    expectSame(back, archive)
    // The text itself, but for the activation that stood alone.
    let bytes = try written(archive, as: RTNeuralFormat())
    let ours = try JSONValue(parsing: String(decoding: bytes, as: UTF8.self))
    let theirs = try Fixture.file("json/rtneural_\(cell).json").withUnsafeBytes { try JSONValue(parsing: $0) }
    #expect(ours["in_shape"] == theirs["in_shape"])
    let layers = theirs["layers"]?.array?.filter { $0["type"] != .string("activation") }
    #expect(ours["layers"]?.array?.map { $0["weights"] } == layers?.map { $0["weights"] })
    #expect(ours["layers"]?.array?.map { $0["shape"] } == layers?.map { $0["shape"] })
  }

  @Test func keepsAKeyThatStandsInsideAndBesideTheMetadata() throws {
    let inside: [JSONValue.Member] = [.init("name", .string("made for a test")), .init("samplerate", .string("48000"))]
    let expected: [JSONValue.Member] = [.init("metadata", .object(inside)), .init("samplerate", .integer(44100))]
    let file = try Fixture.file("json/aidax.json", replacing: #""in_skip": 1"#, with: #""in_skip": 1, "samplerate": 44100"#)
    #expect(try RTNeuralFormat().read(file).metadata == expected)
  }

  /// Metadata by its key, and what may have been meant to change what the model computes.
  @Test(arguments: [
    ("aidax.json", #""in_skip": 1"#), ("guitarml.json", #""model_data""#), ("lstm.nam", #""version""#),
    ("rtneural_gru.json", #""in_shape""#),
  ])
  func namesKeysThatItDoesNotUnderstand(name: String, first: String) throws {
    let described = #""author": "A", "Date": "today", "loss": 0.1, "training": {"epochs": 3}, "#
    let quiet = try Fixture.file("json/\(name)", replacing: first, with: described + first)
    let format = try FormatRegistry.standard.format(of: quiet)
    #expect(try !format.read(quiet).notes.map(\.description).contains { $0.hasPrefix("carried, not understood") })
    let file = try Fixture.file(
      "json/\(name)", replacing: first, with: described + #""in_delay": 2, "resample": true, "# + first)
    let archive = try format.read(file)
    #expect(archive.notes.map(\.description).filter { $0.hasPrefix("carried") } == ["carried, not understood: in_delay, resample"])
    let kept = archive.metadata.map(\.key)
    #expect(["author", "Date", "loss", "training", "in_delay", "resample"].allSatisfy(kept.contains))
  }

  @Test func readsAIDAXSkipGainsAndTestSignal() throws {
    let archive = try read("json/aidax.json", as: AIDAXFormat())
    try expectTensors(archive, of: "aidax")
    let architecture = try #require(archive.architecture)
    let frame = try #require(architecture.forward?.framed(inputSize: 2))
    #expect(frame.skip == 1)
    let gains = try #require(frame.inputGain)
    #expect(abs(gains[0] - 0.501187233627272) < 1e-15 && gains[1] == 1)
    #expect(abs(frame.outputGain - 1.496235656094433) < 1e-15)
    #expect(archive.metadata == [.init("name", .string("made for a test")), .init("samplerate", .string("48000"))])
    let reference = try #require(archive.cases.first)
    let input = try #require(reference["input"])
    #expect(input.shape.dimensions == [8, 2])
    #expect(reference["y"]?.shape.dimensions == [8, 1])
    let text = try JSONValue(
      parsing: Fixture.file("json/aidax.json").withUnsafeBytes { String(decoding: $0, as: UTF8.self) })
    let x = try #require(text["input_batch"]?.array?.first?.double)
    #expect(abs(input.doubles[0] * gains[0] - x) < 1e-7 * abs(x))
    #expect(input.doubles[1] == 0)
  }

  @Test func readsGuitarMLsSkip() throws {
    let archive = try read("json/guitarml.json", as: GuitarMLFormat())
    try expectTensors(archive, of: "guitarml")
    let links: [Link] = [
      Link(.recurrent(Recurrent(name: "rec", cell: .gru, inputSize: 2, hiddenSize: 3, numLayers: 2))),
      Link(.linear(Linear(name: "lin", inFeatures: 3, outFeatures: 1, bias: false))),
    ]
    #expect(try archive.architecture == Architecture(links, in: Frame(skip: 1)))
  }

  @Test func readsNAMsStartingState() throws {
    let archive = try read("json/lstm.nam", as: NAMFormat())
    try expectTensors(archive, of: "lstm.nam")
    #expect(archive.architecture?.recurrentModules.first?.hasInitialState == true)
    #expect(archive.metadata == [.init("name", .string("made for a test")), .init("sample_rate", .integer(48000))])
  }
}

/// One defect in a file that is otherwise good.
@Suite struct AudioModelRefusals {
  private func expect(
    _ format: any ModelFormat, _ path: String, replacing old: String, with new: String, refused place: String,
    _ problem: String, _ remedy: String, sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let file = try Fixture.file("json/\(path)", replacing: old, with: new)
    let refused = error { _ = try format.read(file) }
    #expect(refused == RNNError(.badData, place: place, problem, remedy: remedy), sourceLocation: sourceLocation)
  }

  private static let again = "compare with RTNeural's own JSON, or export the model again"

  @Test(arguments: ["batchnorm3d", "unknown"])
  func refusesRTNeuralLayersThatItDoesNotKnow(type: String) throws {
    try expect(
      RTNeuralFormat(), "rtneural_gru.json", replacing: #""type": "gru""#, with: #""type": "\#(type)""#,
      refused: "layers[1].type", "a layer of type \"\(type)\", which RTNeural does not know",
      "it knows dense, lstm, gru, prelu, activation, conv1d, conv2d and batchnorm")
  }

  @Test func refusesAnotherActivationInAnLSTM() throws {
    try expect(
      RTNeuralFormat(), "rtneural_lstm.json", replacing: #""activation": "tanh""#, with: #""activation": "relu""#,
      refused: "layers[0].activation", "\"relu\" in an lstm layer, where RTNeural itself always computes tanh",
      "train it with tanh, or set the activation to \"tanh\" if that is what is meant")
  }

  @Test func refusesAnActivationRTNeuralLacks() throws {
    try expect(
      RTNeuralFormat(), "rtneural_gru.json", replacing: #""sigmoid""#, with: #""gelu""#,
      refused: "layers[2].activation", "\"gelu\", which RTNeural does not know",
      "it knows tanh, relu, sigmoid, softmax, elu")
  }

  @Test(arguments: [(#""hidden_size": 3"#, #""hidden_size": 1048577"#), (#""num_layers": 2"#, #""num_layers": 4097"#)])
  func refusesNAMSizesBeyondTheLimits(_ old: String, _ new: String) throws {
    try expect(
      NAMFormat(), "lstm.nam", replacing: old, with: new, refused: "config.hidden_size",
      "sizes must be 1 to 1048576, layers 1 to 4096", "compare with the schema, or write the file again")
  }

  @Test func readsAnActivationAfterAnyLayer() throws {
    let file = try Fixture.file(
      "json/rtneural_lstm.json", replacing: #"{"type": "dense""#,
      with: #"{"type": "activation", "activation": "tanh", "shape": [null, null, 2], "weights": []}, {"type": "dense""#)
    let architecture = try #require(RTNeuralFormat().read(file).architecture)
    #expect(architecture.forward?.line(modules: architecture.modules)
      == "softmax(dense_2(elu(dense_1(tanh(dense(tanh(lstm_1(lstm(x)))))), alpha=1)))")
    expectSame(try roundTrip(RTNeuralFormat().read(file), through: RTNeuralFormat()), try RTNeuralFormat().read(file))
  }

  @Test func refusesWeightsThatDoNotFitTheLayer() throws {
    try expect(
      RTNeuralFormat(), "rtneural_gru.json", replacing: #""shape": [null, null, 4]"#,
      with: #""shape": [null, null, 5]"#,
      refused: "layers[1].weights[0]", "its shape is (3, 12), expected (3, 15) from the layer's sizes", Self.again)
  }

  @Test func refusesAKeyThatMayChangeALayer() throws {
    try expect(
      RTNeuralFormat(), "rtneural_gru.json", replacing: #""type": "gru""#,
      with: #""go_backwards": true, "type": "gru""#,
      refused: "layers[1].go_backwards", "true, expected false: RTNeural runs forward alone", Self.again)
  }

  @Test(arguments: [("gru", "time-distributed-dense", 0), ("gru", "dense", 2), ("lstm", "activation", 3)])
  func refusesAKeyThatMayChangeALayerWithoutState(file: String, type: String, index: Int) throws {
    try expect(
      RTNeuralFormat(), "rtneural_\(file).json", replacing: #""type": "\#(type)""#,
      with: #""alpha": 0.5, "type": "\#(type)""#, refused: "layers[\(index)].alpha",
      "an unknown key, which may change what the layer computes", Self.again)
  }

  @Test func refusesAnUnknownNAMOption() throws {
    try expect(
      NAMFormat(), "lstm.nam", replacing: #""hidden_size""#, with: #""train_burn_in": 4096, "hidden_size""#,
      refused: "config.train_burn_in", "an unknown key, which may change what the model computes",
      "use a newer RNNKit, or correct the key")
  }

  @Test func refusesASkipOfTwo() throws {
    try expect(
      RTNeuralFormat(), "aidax.json", replacing: #""in_skip": 1"#, with: #""in_skip": 2"#, refused: "in_skip",
      "2, expected 0, or 1 where the model gives one feature", Self.again)
  }

  @Test func refusesATestSignalOfAnotherLength() throws {
    try expect(
      RTNeuralFormat(), "aidax.json", replacing: #""output_batch": ["#, with: #""output_batch": [0.0, "#,
      refused: "output_batch", "its shape is (9,), expected one number for each of input_batch, (8,)", Self.again)
  }

  private static let guitarML = "compare with GuitarML's own JSON, or export the model again"

  @Test func refusesGuitarMLsOtherModels() throws {
    try expect(
      GuitarMLFormat(), "guitarml.json", replacing: "SimpleRNN", with: "GatedConvNet", refused: "model_data.model",
      "\"GatedConvNet\", of GuitarML's models only \"SimpleRNN\" can be read", Self.guitarML)
  }

  @Test func refusesASkipThatPyTorchWouldRepeat() throws {
    try expect(
      GuitarMLFormat(), "guitarml.json", replacing: #""skip": 1"#, with: #""skip": 2"#, refused: "model_data.skip",
      "2, expected 0 or as many as the output's features, 1", Self.guitarML)
  }

  @Test func refusesAnUnknownGuitarMLOption() throws {
    try expect(
      GuitarMLFormat(), "guitarml.json", replacing: #""skip": 1"#, with: #""skip": 1, "bidirectional": true"#,
      refused: "model_data.bidirectional", "an unknown key, which may change what the model computes",
      "use a newer RNNKit, or correct the key")
  }

  @Test func refusesNAMsOtherArchitectures() throws {
    try expect(
      NAMFormat(), "lstm.nam", replacing: #""LSTM""#, with: #""CatLSTM""#, refused: "architecture",
      "\"CatLSTM\", of Neural Amp Modeler's architectures WaveNet, ConvNet, Linear, LSTM and SlimmableContainer can be read",
      "use another capture of the same amp: .nam, AIDA-X, GuitarML or RTNeural")
  }

  @Test func refusesNAMWeightsOfTheWrongCount() throws {
    try expect(
      NAMFormat(), "lstm.nam", replacing: #""hidden_size": 3"#, with: #""hidden_size": 4"#, refused: "weights",
      "160 numbers, expected 261 for the sizes in config", "export the model again")
  }

  private func refusedWriting(_ module: Recurrent) throws -> String? {
    var archive = TensorArchive()
    for (name, shape) in Model.parameters(of: .recurrent(module)) {
      try archive.append(name, tensor(.float32, shape, [UInt8](repeating: 0, count: 4 * shape.reduce(1, *))))
    }
    archive.architecture = Architecture(modules: [.recurrent(module)])
    return error { _ = try written(archive, as: RTNeuralFormat()) }?.problem.description
  }

  @Test func refusesToWriteWhatRTNeuralCannotHold() throws {
    func lstm(_ change: (inout Recurrent) -> Void) throws -> String? {
      var module = Recurrent(name: "rnn", cell: .lstm, inputSize: 2, hiddenSize: 2)
      change(&module)
      return try refusedWriting(module)
    }
    #expect(try lstm { _ in } == nil)
    #expect(try lstm { $0.cell = .rnn } == "RTNeural cannot hold an Elman RNN, only LSTM and GRU")
    #expect(try lstm { $0.direction = .bidirectional } == "RTNeural cannot hold a layer that runs backwards")
    #expect(try lstm { $0.projSize = 1 } == "RTNeural cannot hold a projection")
    #expect(
      try lstm { $0.activations.gate = .hardSigmoidKeras2 }
        == "RTNeural cannot hold other gate activations than sigmoid and tanh")
    #expect(
      try lstm { ($0.cell, $0.resetAfter) = (.gru, false) } == "RTNeural cannot hold a GRU with reset_after false")
    #expect(try lstm { $0.clip = 3 } == "RTNeural cannot hold clipped activations")
    #expect(try lstm { $0.inputForget = true } == "RTNeural cannot hold coupled input and forget gates")
    #expect(try lstm { $0.peephole = true } == "RTNeural cannot hold peepholes")
    #expect(try lstm { $0.hasInitialState = true } == "RTNeural cannot hold a starting state")
  }

  @Test func refusesToWriteModulesThatAreNoChain() throws {
    let file = try InputFile(Fixture.path("../../../SampleModels/seq2seq.rnn"))
    #expect(
      error { _ = try written(NativeFormat().read(file), as: RTNeuralFormat()) }?.problem
        == "RTNeural cannot hold modules of which nothing says what is computed with them")
  }

  @Test func saysThatBiasesAreAddedUp() throws {
    var archive = TensorArchive()
    try archive.append("lstm.weight_ih_l0", floats([1, 2, 3, 4], 4, 1))
    try archive.append("lstm.weight_hh_l0", floats([1, 2, 3, 4], 4, 1))
    try archive.append("lstm.bias_ih_l0", floats([1, 2, 3, 4], 4))
    try archive.append("lstm.bias_hh_l0", floats([0.5, 0, 0, 0], 4))
    let notes = RTNeuralFormat().notes(writing: try Interpretation(archive).model)
    #expect(notes == [
      "kernels transposed; names are left out",
      "lstm: bias_ih and bias_hh are added up, RTNeural's LSTM has one bias",
    ])
    let back = try roundTrip(archive, through: RTNeuralFormat())
    #expect(back["lstm.bias_ih_l0"]?.doubles == [1.5, 2, 3, 4])
    #expect(back["lstm.bias_hh_l0"]?.doubles == [0, 0, 0, 0])
  }
}

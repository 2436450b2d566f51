import RNNFormats
import RNNModel
import Testing

/// Pickles in which tensors and arrays stand among other objects; make_pickles.py says what each holds.
@Suite struct PickleTests {
  private func read(_ name: String) throws -> TensorArchive {
    let file = try Fixture.file("pickles/\(name)")
    #expect(try FormatRegistry.standard.format(of: file).name == "torch")
    return try TorchFormat().read(file)
  }

  private func expect(_ archive: TensorArchive, holds json: JSONValue, _ what: String) throws {
    let expected = try #require(json.members)
    #expect(archive.tensors.map(\.name) == expected.map(\.key), "\(what)")
    for member in expected {
      let tensor = try #require(archive[member.key], "\(what)")
      let stated = try #require(Fixture.tensor(member.value))
      #expect(tensor.isIdentical(to: stated), "\(what) \(member.key)")
    }
  }

  @Test(arguments: ["foreign", "foreign_p4", "foreign_p5", "foreign_legacy"])
  func takesNothingButTheModelFromAmongObjectsOfAnyClass(name: String) throws {
    let archive = try read("\(name).pt")
    try expect(archive, holds: Fixture.json("pickles/\(name).json"), name)
    #expect(archive.notes.first == "the state_dict is ['state_dict'] of the checkpoint")
    #expect(archive.notes.last?.description.hasPrefix("tensors left out: ['loss'], ") == true)
  }

  @Test(arguments: [1, 2], 0...5) func readsDictionariesOfArrays(version: Int, protocol number: Int) throws {
    let name = "numpy\(version)_p\(number)"
    try expect(read("\(name).pkl"), holds: Fixture.json("pickles/numpy.json"), name)
  }

  @Test(arguments: ["numpy.pt", "numpy_in_a_dictionary.pkl"]) func readsArraysWhereverTheyStand(name: String) throws {
    try expect(read(name), holds: Fixture.json("pickles/numpy.json"), name)
  }

  @Test func takesNumbersOfNumPyForMetadata() throws {
    #expect(
      try read("numpy_in_a_dictionary.pkl").metadata == [.init("epoch", .integer(4)), .init("loss", .number(0.5))])
  }

  @Test func readsAStateDictThatWasPickledWithoutTorchSave() throws {
    try expect(read("state_dict.pkl"), holds: Fixture.json("pickles/state_dict.json"), "state_dict")
  }

  @Test func readsArraysBesideTensors() throws {
    let archive = try read("array_beside.pt")
    try expect(archive, holds: Fixture.json("pickles/array_beside.json"), "array_beside")
    #expect(archive.notes.isEmpty)
  }

  @Test func namesTheOtherModelsOfAFile() throws {
    let file = try InputFile(Fixture.path("pickles/two_models.pt"))
    for (name, other) in [("en", "de"), ("de", "en"), ("['en']", "de")] {
      let archive = try FormatRegistry.standard.read(file, entry: name)
      let plain = name.filter(\.isLetter)
      #expect(archive.notes.contains("the state_dict is ['\(plain)'] of the checkpoint"))
      #expect(archive.notes.contains("other models in the file, left out: ['\(other)']"))
    }
    let error = #expect(throws: RNNError.self) { try FormatRegistry.standard.read(file) }
    #expect(error?.problem == "the file holds 2 models")
  }

  @Test(arguments: ["module", "module_legacy", "module_in_a_checkpoint"])
  func readsAModuleThatWasSavedWhole(name: String) throws {
    let archive = try read("\(name).pt")
    try expect(archive, holds: Fixture.json("pickles/\(name).json"), name)
    #expect(archive.hints.nonlinearity == ["rnn": .relu])
    #expect(archive.hints.batchFirst == true)
    #expect(archive.notes.first?.description.hasPrefix("a whole Net of torch.save: its forward() is not in the file") == true)
  }

  @Test(arguments: [
    ("quantized.pt", "tensor rnn._all_weight_values.0.param"),
    ("quantized_legacy.pt", "tensor rnn._all_weight_values.0.param"),
    ("quantized_checkpoint.pt", "tensor rnn._all_weight_values.0.param"),
    ("quantized_head.pt", "tensor fc._packed_params.dtype"), ("quantized_tensor.pt", "tensor weight_ih_l0"),
    ("quantized_module.pt", "module rnn"), ("quantized_script.pt", "module rnn"), ("quantized_trace.pt", "module fc"),
  ])
  func saysThatAModelIsQuantized(name: String, place: String) throws {
    #expect(
      refusal { _ = try read(name) } == "\(place): its weights are quantized (torch.ao.quantization); save the float "
        + "model's state_dict, from before it was quantized, with torch.save")
  }

  @Test(arguments: 0...5) func namesTheClassOfAnObjectThatIsNoDictionary(protocol number: Int) throws {
    #expect(
      refusal { _ = try read("madmom_p\(number).pkl") }?.hasPrefix(
        "a pickled madmom.ml.nn.NeuralNetwork, which is not a dictionary of names and tensors; nothing in it was executed"
      ) == true)
  }

  @Test(arguments: [
    (
      "sklearn.pkl", "a pickled sklearn.neural_network._multilayer_perceptron.MLPRegressor, which is not a dictionary"
    ),
    ("array_alone.pkl", "a single tensor, which has no name"),
    ("weights_alone.pkl", "no state_dict: the file holds no dictionary of names and tensors; save a dictionary"),
    ("texts_alone.pkl", "no state_dict: the file holds no dictionary of names and tensors; save a dictionary"),
    (
      "in_a_list.pkl",
      "no state_dict: the file holds no dictionary of names and tensors, but objects of madmom.ml.nn.NeuralNetwork, "
    ),
    (
      "joblib.pkl",
      "the pickle, offset 193: an array of joblib's (joblib.numpy_pickle.NumpyArrayWrapper), whose bytes stand between "
        + "the opcodes; load it with joblib.load and save the arrays with numpy.savez"
    ),
  ])
  func saysWhatAPickleIsInstead(name: String, words: String) throws {
    #expect(refusal { _ = try read(name) }?.hasPrefix(words) == true)
  }

  @Test(arguments: [
    ("structured", "an array of a structured dtype"), ("objects", "an array of Python objects, which cannot be read"),
    ("texts", "an array of dtype U2, which is no number"), ("long_double", "an array of dtype f16, which is no number"),
    ("masked_class", "an array of the class numpy.rec.recarray"),
  ])
  func refusesArraysThatAreNoNumbersByName(name: String, words: String) throws {
    for number in [2, 5] {
      #expect(refusal { _ = try read("\(name)_p\(number).pkl") }?.hasPrefix("array \(name): \(words)") == true)
    }
  }

  @Test(.enabled(if: Python.has("torch, numpy"), "torch is not installed"))
  func findsExactlyTheTensorsAmongObjectsChosenAtRandom() throws {
    let folder = try TemporaryFolder()
    _ = try Python.run([Fixture.path("random_pickles.py"), folder.path, "200", "1"])
    var count = 0
    for name in folder.names where !name.hasSuffix(".json") {
      let archive = try FormatRegistry.standard.read(InputFile(folder(name)))
      let json = try InputFile(folder(name.split(separator: ".")[0] + ".json")).withUnsafeBytes { bytes in
        try JSONValue(parsing: bytes)
      }
      try expect(archive, holds: json, name)
      count += 1
    }
    #expect(count == 200)
  }

  @Test func readsAsManyTensorsAsItWrites() throws {
    var archive = TensorArchive()
    try archive.append("weight_ih_l0", floats([1, 2, 3], 3, 1))
    try archive.append("weight_hh_l0", floats([4, 5, 6], 3, 1))
    let value = try floats([7], 1)
    for index in 0..<100_000 { try archive.append("b\(index).x", value) }
    let found = try roundTrip(archive, through: TorchFormat())
    #expect(found.tensors.map(\.name) == archive.tensors.map(\.name))
    #expect(found.tensors.dropFirst(2).allSatisfy { $0.tensor.isIdentical(to: value) })
  }
}

/// Random numbers that a TorchScript archive draws while it runs; make_pickles.py says how each was made.
@Suite struct TorchScriptRandomnessTests {
  private func departures(_ name: String) throws -> [String] {
    try TorchFormat().read(Fixture.file("pickles/\(name).pt")).departures.filter { $0.kind == .randomness }.map { "\($0.place): \($0.problem)" }
  }

  @Test(arguments: [
    "trace_own_eval", "trace_module_eval", "trace_between_eval", "trace_none_eval", "trace_none_train", "script_own_eval",
    "script_module_eval", "script_between_eval", "script_none_eval", "script_none_train",
  ])
  func findsNoneWhereDropoutIsOff(name: String) throws {
    #expect(try departures(name) == [])
  }

  @Test(arguments: [
    ("always_eval", "the model: dropout of 0.5 is on (training=True)"),
    ("always_train", "the model: dropout of 0.5 is on (training=True)"),
    ("own_train", "the model: dropout of 0.5 is on (training=True)"),
    ("module_train", "module drop: dropout of 0.5 is on (training=True)"),
    ("zoneout_eval", "the model: forward() draws random numbers (bernoulli)"),
  ])
  func namesDropoutThatIsLeftOn(name: String, words: String) throws {
    #expect(try departures("trace_\(name)") == [words])
    #expect(try departures("script_\(name)") == [words])
  }

  @Test func namesDropoutBetweenLayers() throws {
    #expect(
      try departures("trace_between_train") == ["module rnn: dropout of 0.5 between its layers is on (training=True)"])
    #expect(try departures("script_between_train") == ["module rnn: dropout of 0.5 is on (training=True)"])
  }

  @Test func isNotRunUnlessItIsIgnored() throws {
    let archive = try TorchFormat().read(Fixture.file("pickles/trace_always_eval.pt"))
    #expect(
      refusal { _ = try Interpretation(archive).model }
        == "the model: dropout of 0.5 is on (training=True); save the model after model.eval(), or say "
        + "ignoring: [.randomness] to run it without")
    let interpretation = try Interpretation(archive, options: ModelOptions(ignoring: [.randomness]))
    #expect(interpretation.assumptions.contains("run without the random numbers that the file's code draws"))
  }

  @Test(arguments: [
    ("trace_cell_relu", "cell", Activation.relu), ("trace_cell_tanh", "cell", .tanh), ("trace_bare_cell_relu", "", .relu),
    ("trace_bare_cell_tanh", "", .tanh), ("trace_bare_rnn_relu", "", .relu),
  ])
  func takesTheNonlinearityOfATracedCell(name: String, module: String, expected: Activation) throws {
    let archive = try TorchFormat().read(Fixture.file("pickles/\(name).pt"))
    #expect(archive.hints.nonlinearity == [module: expected])
  }

  @Test(arguments: ["trace_cell_gru", "trace_cell_lstm", "trace_bare_cell_gru", "trace_bare_cell_lstm"])
  func takesNoneOfOtherCells(name: String) throws {
    #expect(try TorchFormat().read(Fixture.file("pickles/\(name).pt")).hints.nonlinearity.isEmpty)
  }

  @Test(arguments: ["trace_stack", "script_stack"]) func tellsTwoModulesApart(name: String) throws {
    #expect(
      try TorchFormat().read(Fixture.file("pickles/\(name).pt")).hints.nonlinearity == ["a": .relu, "b": .tanh])
  }
}

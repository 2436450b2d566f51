import RNNModel
import Testing

/// An archive of zeros with these shapes, in this order.
func archive(_ tensors: [(String, [Int])], isOrdered: Bool = true, type: ElementType = .float32) throws -> TensorArchive {
  var archive = TensorArchive(isOrdered: isOrdered)
  for (name, sizes) in tensors {
    let shape = try #require(Shape(sizes))
    try archive.append(name, #require(Tensor(type, shape, fill: { _ in })))
  }
  return archive
}

/// The tensors of a recurrent module, as PyTorch orders them.
func tensors(of module: Recurrent) -> [(String, [Int])] {
  Model.parameters(of: .recurrent(module)).map { ($0.name, $0.shape) }
}

@Suite struct ArchitectureSearchTests {
  private func reprs(_ archive: TensorArchive, _ options: ModelOptions = ModelOptions()) throws -> [String] {
    let architecture = try Interpretation(archive, options: options).model.architecture
    return architecture.modules.map { "\($0.name): \($0.repr(batchFirst: architecture.batchFirst))" }
  }

  @Test(arguments: [
    (Recurrent(name: "rnn", cell: .rnn, inputSize: 3, hiddenSize: 5, numLayers: 2), "rnn: RNN(3, 5, num_layers=2)"),
    (Recurrent(name: "", cell: .rnn, inputSize: 1, hiddenSize: 1), ": RNN(1, 1)"),
    (Recurrent(name: "encoder.rnn", cell: .lstm, inputSize: 40, hiddenSize: 6, numLayers: 3, bias: false),
      "encoder.rnn: LSTM(40, 6, num_layers=3, bias=False)"),
    (Recurrent(name: "module.g", cell: .gru, inputSize: 4, hiddenSize: 7, direction: .bidirectional),
      "module.g: GRU(4, 7, bidirectional=True)"),
    (Recurrent(name: "p", cell: .lstm, inputSize: 4, hiddenSize: 7, numLayers: 2, direction: .bidirectional, projSize: 3),
      "p: LSTM(4, 7, proj_size=3, num_layers=2, bidirectional=True)"),
    (Recurrent(name: "c", cell: .lstm, inputSize: 4, hiddenSize: 7, isCell: true), "c: LSTMCell(4, 7)"),
  ])
  func findsSizesInTheTensors(_ module: Recurrent, _ repr: String) throws {
    #expect(try reprs(archive(tensors(of: module))) == [repr])
    #expect(try reprs(archive(tensors(of: module).reversed(), isOrdered: false)) == [repr])
  }

  @Test func knowsTheHeadByShapeAndPlace() throws {
    let module = Recurrent(name: "rnn", cell: .rnn, inputSize: 3, hiddenSize: 5)
    let found = try reprs(archive(tensors(of: module) + [("anything.weight", [2, 5]), ("anything.bias", [2])]))
    #expect(found == ["rnn: RNN(3, 5)", "anything: Linear(in_features=5, out_features=2, bias=True)"])
  }

  @Test func knowsAnEmbeddingByItsPlace() throws {
    let module = Recurrent(name: "gru", cell: .gru, inputSize: 4, hiddenSize: 5)
    let found = try reprs(archive([("words.weight", [100, 4])] + tensors(of: module)))
    #expect(found == ["words: Embedding(100, 4)", "gru: GRU(4, 5)"])
  }

  @Test func ordersAlphabeticalTensorsBySize() throws {
    // 8 -> 1 -> 8 -> 8 fits too, but a model does not begin with its head.
    let first = Recurrent(name: "lstm", cell: .lstm, inputSize: 1, hiddenSize: 8)
    let second = Recurrent(name: "lstm2", cell: .lstm, inputSize: 8, hiddenSize: 8)
    let all = [("dense.bias", [1]), ("dense.weight", [1, 8])] + tensors(of: first) + tensors(of: second)
    let read = try Interpretation(archive(all, isOrdered: false))
    // Two recurrent modules may be an encoder and a decoder.
    #expect(read.model.architecture.forward == nil)
    let said = try Interpretation(archive(all, isOrdered: false), options: ModelOptions(forward: "dense(lstm2(lstm(x)))"))
    #expect(said.model.architecture.usedModules.map(\.name) == ["lstm", "lstm2", "dense"])
    let one = try Interpretation(archive(Array(all.dropLast(4)), isOrdered: false))
    #expect(one.model.architecture.usedModules.map(\.name) == ["lstm", "dense"])
    #expect(one.assumptions.contains(
      "forward dense(lstm(x)): assumed from sizes and order (the file does not say; \(.forward))"))
  }

  @Test func leavesTheOrderOpenWhereTwoReadingsFit() throws {
    let first = Recurrent(name: "a", cell: .gru, inputSize: 8, hiddenSize: 8)
    let second = Recurrent(name: "b", cell: .lstm, inputSize: 8, hiddenSize: 8)
    let architecture = try Interpretation(archive(tensors(of: first) + tensors(of: second), isOrdered: false)).model.architecture
    #expect(architecture.forward == nil)
    #expect(ForwardSuggestion.orders(architecture.modules).map { $0.map(\.name) } == [["a", "b"], ["b", "a"]])
  }

  @Test func listsWhatItCannotRun() throws {
    let module = Recurrent(name: "lstm", cell: .lstm, inputSize: 3, hiddenSize: 5)
    let found = try reprs(
      archive([("conv.weight", [3, 1, 5]), ("conv.bias", [3])] + tensors(of: module) + [("norm.weight", [5]), ("norm.bias", [5])]))
    #expect(found == ["conv: not runnable (2 tensors)", "lstm: LSTM(3, 5)", "norm: not runnable (2 tensors)"])
  }

  @Test func carriesStrayTensors() throws {
    let module = Recurrent(name: "rnn", cell: .rnn, inputSize: 3, hiddenSize: 5)
    let model = try Interpretation(
      archive([("log_sigma", [2])] + tensors(of: module) + [("criterion.weight", [3]), ("rnn.total_ops", [1])])).model
    #expect(model.architecture.modules.count == 1)
    #expect(model.carried.map(\.name) == ["log_sigma", "criterion.weight", "rnn.total_ops"])
    #expect(model.leftOut == [
      "the model's own parameter log_sigma is left out",
      "criterion.weight, rnn.total_ops are left out: no part of what is computed",
    ])
  }

  @Test func takesNoTensorOfUnknownMeaningForNothing() throws {
    let module = Recurrent(name: "rnn", cell: .rnn, inputSize: 3, hiddenSize: 5)
    for (name, shape) in [
      ("mean", [3]), ("h0", [1, 1, 4]), ("scale", []), ("w_out", [2, 5]), ("scaler.mean", [3]), ("norm.running_var", [5]),
      ("rnn.alpha", []), ("act.slope", [1]), ("fc.bias", [2]),
    ] as [(String, [Int])] {
      let architecture = try Interpretation(archive(tensors(of: module) + [(name, shape)])).model.architecture
      #expect(architecture.unknownModules.map(\.tensorNames) == [[name]], "\(name)")
    }
  }

  @Test func saysWhichDefaultsItTook() throws {
    let module = Recurrent(name: "rnn", cell: .rnn, inputSize: 3, hiddenSize: 5)
    let assumed = try Interpretation(archive(tensors(of: module))).assumptions
    #expect(assumed == [
      "rnn: nonlinearity tanh, PyTorch's default (the file does not say; \(.nonlinearity))",
      "batch_first False, PyTorch's default (the file does not say; \(.batchFirst))",
      "forward rnn(x): assumed from sizes and order (the file does not say; \(.forward))",
    ])
    let told = try Interpretation(archive(tensors(of: module)), options: ModelOptions(nonlinearity: .relu, batchFirst: true, forward: "rnn(x)"))
    #expect(told.assumptions.isEmpty)
    #expect(told.model.architecture.modules.first?.repr(batchFirst: true) == "RNN(3, 5, batch_first=True, nonlinearity=relu)")
  }

  @Test func refusesAnOptionThatContradictsTheFile() throws {
    let module = Recurrent(name: "rnn", cell: .rnn, inputSize: 3, hiddenSize: 5)
    var stated = try archive(tensors(of: module))
    stated.architecture = Architecture(modules: [.recurrent(module)])
    #expect(throws: RNNError(.usage, "\(.nonlinearity, "relu") contradicts the file, which says tanh for rnn", remedy: "leave the option out")) {
      try Interpretation(stated, options: ModelOptions(nonlinearity: .relu))
    }
    #expect(throws: RNNError(.usage, "\(.batchFirst) contradicts the file, which says batch_first=False", remedy: "leave the option out")) {
      try Interpretation(stated, options: ModelOptions(batchFirst: true))
    }
  }

  private func message(_ tensors: [(String, [Int])], type: ElementType = .float32) throws -> String? {
    do {
      _ = try Interpretation(archive(tensors, type: type))
      return nil
    } catch let error as RNNError {
      #expect(error.kind == .badData)
      return error.description
    }
  }

  @Test func refusesWhatDoesNotFit() throws {
    let good = tensors(of: Recurrent(name: "rnn", cell: .rnn, inputSize: 3, hiddenSize: 5, numLayers: 2))
    func without(_ name: String) -> [(String, [Int])] { good.filter { $0.0 != name } }
    func with(_ name: String, _ shape: [Int]) -> [(String, [Int])] { good.map { $0.0 == name ? (name, shape) : $0 } }
    let missing = "missing, though the model's other tensors ask for it; export the whole state_dict, or name the right tensor with mapping"
    #expect(try message(without("rnn.weight_hh_l1")) == "tensor rnn.weight_hh_l1: \(missing)")
    #expect(try message(without("rnn.weight_hh_l0")) == "tensor rnn.weight_hh_l0: \(missing)")
    #expect(try message(without("rnn.bias_ih_l1")) == "tensor rnn.bias_ih_l1: \(missing)")
    #expect(
      try message(with("rnn.weight_hh_l1", [5, 4]))
        == "tensor rnn.weight_hh_l1: its shape is (5, 4), expected (5, 5) from the other tensors; export the model again; the tensors are not of one model")
    #expect(
      try message(with("rnn.weight_hh_l0", [7, 5]))
        == "tensor rnn.weight_hh_l0: its shape is (7, 5), expected 1, 3 or 4 times as many rows as the hidden size 5; export the model again; no RNN, GRU or LSTM has such a weight")
    #expect(
      try message(with("rnn.weight_ih_l0", [15]))
        == "tensor rnn.weight_ih_l0: its shape is (15,), expected a matrix; "
          + "give it another name with mapping if it is no weight, or save the whole state_dict")
    #expect(
      try message(good + [("rnn.weight_ih", [5, 3])])?.hasPrefix("tensor rnn.weight_hh: missing") == true)
    #expect(
      try message(good, type: .int32)
        == "tensor rnn.weight_ih_l0: its type is int32, expected float32, float64, float16 or bfloat16; export the weights as one of these")
    #expect(
      try message([("a.weight", [3, 3])])
        == "no recurrent layer: no tensor is named like weight_ih_l0, but a.weight (3, 3); \(NearMissTests.noProposal)")
  }

  @Test func proposesAMappingForNamesOfItsOwn() throws {
    let found = try message([("enc_w_ih", [15, 3]), ("enc_w_hh", [15, 5]), ("enc_b_ih", [15]), ("enc_b_hh", [15]), ("out_w", [2, 5])])
    #expect(
      found
        == "no recurrent layer: no tensor is named like weight_ih_l0; if these are recurrent, add mapping.add(\"enc_w_ih=gru.weight_ih_l0\"), mapping.add(\"enc_w_hh=gru.weight_hh_l0\"), mapping.add(\"enc_b_ih=gru.bias_ih_l0\"), mapping.add(\"enc_b_hh=gru.bias_hh_l0\") (takes weights as (gates·hidden, input), a GRU's rows as gates r, z, n; leaves out out_w (2, 5))"
    )
  }

  @Test func proposesAMappingForAStack() throws {
    // In the order of names, as HDF5 lists them, the second layer comes first.
    let found = try message([
      ("enc2_hidden", [20, 5]), ("enc2_input", [20, 5]), ("enc_hidden", [20, 5]), ("enc_input", [20, 3]), ("fc_w", [5, 5]),
    ])
    #expect(found?.contains("""
      add mapping.add("enc_input=lstm.weight_ih_l0"), mapping.add("enc_hidden=lstm.weight_hh_l0"), \
      mapping.add("enc2_input=lstm.weight_ih_l1"), mapping.add("enc2_hidden=lstm.weight_hh_l1") (\
      takes weights as (gates·hidden, input), an LSTM's rows as gates i, f, g, o, 2 layers of one lstm; leaves out fc_w (5, 5))
      """) == true)
  }

  @Test func proposesNoMappingThatWouldLeaveABiasOut() throws {
    let found = try message([("enc_w_ih", [15, 3]), ("enc_w_hh", [15, 5]), ("enc_b", [15])])
    #expect(found?.contains("mapping.add(\"enc") == false && found?.contains("enc_b is a GRU's only bias") == true)
  }
}

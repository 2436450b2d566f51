import RNNFormats
import RNNModel
import Testing

/// Cells whose tensors torch.nn's classes load and compute something else from.
@Suite struct TorchCellTests {
  private static let hard = Recurrent.Activations(gate: .hardSigmoidKeras3)

  /// A change of a cell, and what it is called; nil where torch.nn's class computes it.
  static let cells: [(Recurrent.Cell, String?, @Sendable (inout Recurrent) -> Void)] = [
    (.rnn, nil, { _ in }), (.lstm, nil, { _ in }), (.gru, nil, { _ in }),
    (.rnn, nil, { $0.activations.candidate = .relu }), (.rnn, nil, { $0.activations = hard }),
    (.lstm, nil, { ($0.direction, $0.projSize, $0.numLayers) = (.bidirectional, 1, 2) }), (.gru, nil, { $0.isCell = true }),
    // What a GRU does not use.
    (.gru, nil, { $0.activations.output = .relu }), (.lstm, nil, { ($0.direction, $0.reverseActivations) = (.bidirectional, .init()) }),
    (.rnn, "the nonlinearity softsign", { $0.activations.candidate = .softsign }),
    (.rnn, "a nonlinearity of its own for each direction",
      { ($0.direction, $0.reverseActivations) = (.bidirectional, .init(candidate: .relu)) }),
    (.lstm, "hard_sigmoid gates", { $0.activations = hard }), (.gru, "hard_sigmoid gates", { $0.activations = hard }),
    (.gru, "hard_sigmoid gates", { ($0.direction, $0.reverseActivations) = (.bidirectional, hard) }),
    (.lstm, "the candidate activation relu", { $0.activations.candidate = .relu }),
    (.lstm, "the output activation softsign", { $0.activations.output = .softsign }),
    (.lstm, "a single direction that runs backwards", { $0.direction = .reverse }),
    (.gru, "a GRU with reset_after false", { $0.resetAfter = false }), (.gru, "clipped activations", { $0.clip = 3 }),
    (.lstm, "coupled input and forget gates", { $0.inputForget = true }), (.lstm, "peepholes", { $0.peephole = true }),
  ]

  private func archive(_ index: Int) throws -> TensorArchive {
    var module = Recurrent(name: "enc", cell: Self.cells[index].0, inputSize: 2, hiddenSize: 2)
    Self.cells[index].2(&module)
    var archive = TensorArchive()
    for (name, shape) in Model.parameters(of: .recurrent(module)) {
      try archive.append(name, tensor(.float32, shape, [UInt8](repeating: 0, count: 4 * shape.reduce(1, *))))
    }
    archive.architecture = Architecture(modules: [.recurrent(module)])
    return archive
  }

  private static let stateDicts: [any ModelFormat] = [TorchFormat(), SafetensorsFormat(), NPZFormat(), StateDictJSONFormat()]

  @Test(arguments: cells.indices) func areRefusedInStateDictsWithoutTheirCode(index: Int) throws {
    let archive = try archive(index)
    let (cell, lack, _) = Self.cells[index]
    let name = archive.architecture?.recurrentModules.first?.isCell == true ? "\(cell.rawValue)Cell" : cell.rawValue
    let model = try Interpretation(archive).model
    for format in Self.stateDicts {
      let refused = error { try format.checkClasses(of: model) }
      #expect(refused == lack.map { lack in
        RNNError(.badData, place: "module enc",
          "torch.nn.\(name) would load its weights and compute something else: it lacks \(lack)",
          remedy: "write its class too, with \(.code, "model.py"), or write .rnn")
      })
    }
    try NativeFormat().checkClasses(of: model)
  }

  /// With their code beside them they come back, as RNNKit reads the architecture.
  @Test(arguments: cells.indices) func comeBackFromStateDicts(index: Int) throws {
    let archive = try archive(index)
    for format in Self.stateDicts {
      // What a cell does not use is not written.
      #expect(try roundTrip(archive, through: format).architecture?.lines == archive.architecture?.lines)
    }
  }
}

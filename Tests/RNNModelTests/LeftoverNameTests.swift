import RNNModel
import Testing

/// What is taken for harmless is a short list; every other tensor may change a number.
@Suite struct LeftoverNameTests {
  private static let chain =
    tensors(of: Recurrent(name: "rnn", cell: .gru, inputSize: 4, hiddenSize: 6)) + [("fc.weight", [2, 6]), ("fc.bias", [2])]

  private func zeros(_ sizes: [Int], _ type: ElementType = .float32) throws -> Tensor {
    let shape = try #require(Shape(sizes))
    return try #require(Tensor(type, shape, fill: { _ in }))
  }

  private func unknown(_ name: String, _ sizes: [Int], _ type: ElementType = .float32) throws -> [String] {
    var archive = try archive(Self.chain)
    try archive.append(name, zeros(sizes, type))
    return try Interpretation(archive).model.architecture.unknownModules.flatMap(\.tensorNames)
  }

  @Test(arguments: [
    "outputGain", "scale1", "tau", "wet", "drive", "lmbda", "head_scale", "out.temperature", "mean", "fc.scale", "loss_scale",
  ])
  func mayBeAFactor(_ name: String) throws {
    #expect(try unknown(name, [1]).contains(name))
  }

  @Test(arguments: [ElementType.bool, .int64, .int32, .uint8])
  func mayBeAMaskOrAnOrder(_ type: ElementType) throws {
    for name in ["fc.mask", "rnn.mask", "perm"] { #expect(try unknown(name, [2, 6], type).contains(name)) }
  }

  @Test(arguments: [
    ("log_sigma", [1]), ("log_vars", [3]), ("similarity_weight", [1]), ("criterion.weight", [3]), ("metrics.loss.total", [2]),
    ("fc.total_ops", [1]),
  ])
  func isHarmless(_ name: String, _ sizes: [Int]) throws {
    #expect(try unknown(name, sizes).isEmpty)
  }

  @Test func isHarmlessWhereItCounts() throws {
    #expect(try unknown("norm.num_batches_tracked", [], .int64).isEmpty)
    #expect(try unknown("embeddings.position_ids", [1, 512], .int64).isEmpty)
  }

  @Test(arguments: [
    ("h0", "rnn.h0"), ("h_0", "rnn.h0"), ("init_hidden", "rnn.h0"), ("hx", "rnn.h0"), ("h_norm", nil), ("head_scale", nil),
    ("hproj", nil), ("state_scale", nil), ("rnn_bias", nil),
  ])
  func mayBeAStartingState(_ name: String, _ parameter: String?) throws {
    var archive = try archive(Self.chain)
    try archive.append(name, zeros([1, 6]))
    let model = try Interpretation(archive).model
    let module = try #require(model.architecture.unknownModules.first { $0.tensorNames == [name] })
    #expect(model.startingState(module) == parameter)
  }

  /// torch.nn.utils.prune has hooks; a parametrization with a mask is somebody's own.
  @Test func computesNoParametrizationOfUnknownMeaning() throws {
    var archive = try archive(tensors(of: Recurrent(name: "rnn", cell: .gru, inputSize: 4, hiddenSize: 6)))
    for name in ["fc.parametrizations.weight.original", "fc.parametrizations.weight.0.mask"] {
      try archive.append(name, zeros([2, 6]))
    }
    #expect(try !Interpretation(archive).model.architecture.unknownModules.isEmpty)
  }
}

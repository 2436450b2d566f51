import Foundation
import RNNFormats
import RNNKit
import RNNONNX
import Testing

/// Random forwards, written as ONNX and read back: as RNNKit's own file to the same bits, and by the graph alone, as
/// another program's, to the same numbers but for what ONNX writes as several operators.
@Suite struct ForwardRoundTripTests {
  @Test(arguments: 0..<150)
  func comesBack(_ seed: Int) throws {
    var random = Seeded(state: UInt64(seed) &* 0x9E37_79B9_7F4A_7C15 &+ 1)
    let model = try Self.model(&random)
    let scratch = try Scratch()
    var output = try OutputFile(scratch.path("model.onnx"), replacing: false)
    try ONNXFormat().write(model, to: &output)
    try output.commit()
    let bytes = try InputFile(scratch.path("model.onnx")).withUnsafeBytes { Array($0) }
    let input = try Self.tensor([5, 3, 4], &random)
    let line = try #require(model.architecture.forward).line(modules: model.architecture.modules)
    let wanted = try run(model, [NamedTensor("input", input)])

    let own = try ONNXFormat().read(InputFile(bytes, name: "own.onnx"))
    #expect(own.architecture == model.architecture, "\(line)")
    for (first, second) in zip(try run(Interpretation(own).model, [NamedTensor("input", input)]), wanted) {
      #expect(first.name == second.name && first.tensor.isIdentical(to: second.tensor), "\(line): \(first.name)")
    }

    // The keys, one letter changed, are somebody else's.
    let text = try #require(String(bytes: bytes, encoding: .isoLatin1)).replacingOccurrences(of: "rnnkit.", with: "RNNKIT.")
    let archive = try ONNXFormat().read(InputFile(Array(try #require(text.data(using: .isoLatin1))), name: "other.onnx"))
    let found = try run(Interpretation(archive).model, [NamedTensor("input", input)])
    // What leaves the output as it is, as all of its features do, is none of its steps.
    func result(_ members: [NamedTensor]) -> Tensor? { (members.first { $0.name == "y" } ?? members.first { $0.name == "output" })?.tensor }
    let y = try #require(result(found)), last = try #require(result(wanted))
    #expect(y.count == last.count, "\(line)")
    for (a, b) in zip(y.doubles, last.doubles) where !(a.isNaN && b.isNaN) && a != b {
      #expect(abs(a - b) <= 2e-5 * max(1, abs(b)), "\(line)")
    }
  }

  private struct Seeded: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
      state &+= 0x9E37_79B9_7F4A_7C15
      var z = (state ^ (state >> 30)) &* 0xBF58_476D_1CE4_E5B9
      z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
      return z ^ (z >> 31)
    }
  }

  private static func tensor(_ sizes: [Int], _ random: inout Seeded) throws -> Tensor {
    let shape = try #require(Shape(sizes))
    return try #require(Tensor((0..<shape.count).map { _ in Float.random(in: -0.8...0.8, using: &random) }, shape))
  }

  /// A recurrent layer on 4 features, of 2 units, and random steps after it.
  private static func model(_ random: inout Seeded) throws -> Model {
    let cell = [Recurrent.Cell.rnn, .lstm, .gru].randomElement(using: &random) ?? .rnn
    let rnn = Recurrent(
      name: "rnn", cell: cell, inputSize: 4, hiddenSize: 2, numLayers: Int.random(in: 1...2, using: &random),
      direction: [.forward, .bidirectional, .reverse].randomElement(using: &random) ?? .forward)
    var modules: [Module] = [.recurrent(rnn)]
    var forward = Forward()
    let start = forward.add(.module("rnn"), .input(0))
    forward.outputs = [Forward.Output(start)]
    for number in 0..<Int.random(in: 1...8, using: &random) {
      var next = forward, added = modules
      let shapes = try forward.shapes(modules)
      let values = forward.steps.indices.map { Forward.Value.step($0) }.filter { !shapes[$0].isConstant }
      guard let value = values.randomElement(using: &random), let other = values.randomElement(using: &random),
        let size = shapes[value].features
      else { continue }
      let hasTime = shapes[value].hasTime
      var made: Forward.Value?
      switch Int.random(in: 0..<10, using: &random) {
      case 0:
        added.append(.linear(Linear(name: "fc\(number)", inFeatures: size, outFeatures: 3, bias: Bool.random(using: &random))))
        made = next.add(.module("fc\(number)"), value)
      case 1:
        let all: [Activation] = [
          .sigmoid, .tanh, .relu, .hardSigmoidKeras3, .leakyReLU(alpha: 0.1), .thresholdedReLU(alpha: 0.1),
          .scaledTanh(alpha: 1.5, beta: 0.5), .elu(alpha: 0.9), .softsign, .softplus, .affine(alpha: 0.5, beta: -0.25), .silu,
          .gelu, .geluTanh, .clip(min: -0.25, max: 0.5), .exp,
        ]
        made = next.add(.activation(.elementwise(all.randomElement(using: &random) ?? .tanh)), value)
      case 2: made = next.add(.activation(Bool.random(using: &random) ? .softmax : .logSoftmax), value)
      case 3 where hasTime:
        let all: [Forward.Selection] = [.last, .first, .at(2), .at(-2), .at(-1)]
        made = next.add(.select(all.randomElement(using: &random) ?? .last), value)
      case 4 where hasTime: made = next.add(.flip, value)
      case 5:
        let from = Int.random(in: 0..<size, using: &random)
        made = next.add(.slice(from..<Int.random(in: from + 1...size, using: &random)), value)
      case 6 where shapes[other].hasTime == hasTime: made = next.add(.concatenate, value, other)
      case 7:
        let kind: Forward.StateKind = cell == .lstm && Bool.random(using: &random) ? .cn : .hn
        made = next.add(.state(kind, Int.random(in: 0..<rnn.numLayers * rnn.directionCount, using: &random)), start)
      case 8:
        let kind = [Forward.Arithmetic.add, .subtract, .multiply].randomElement(using: &random) ?? .add
        if shapes[other].features == size || size == 1 || shapes[other].features == 1 {
          made = next.add(.arithmetic(kind), value, other)
        }
      case 9:
        let numbers = (0..<(Bool.random(using: &random) ? 1 : size)).map { Double($0) * 0.5 + 0.75 }
        let constant = next.add(.constant(numbers))
        let kind = Forward.Arithmetic.allCases.randomElement(using: &random) ?? .add
        made = next.add(.arithmetic(kind), value, constant)
      default: break
      }
      guard let made, (try? next.shapes(added)) != nil else { continue }
      next.outputs = [Forward.Output(made)]
      (forward, modules) = (next, added)
    }
    var archive = TensorArchive()
    for module in modules {
      for (name, sizes) in Model.parameters(of: module) { try archive.append(name, tensor(sizes, &random)) }
    }
    return try Model(archive, architecture: Architecture(modules: modules, forward: forward))
  }
}

import RNNModel

/// A forward that fits its modules, both with names that are hard to spell.
struct RandomForward {
  static let names = [
    "", "lstm", "fc.0", "0", "1", "1.2", "a", "b", "c", "x", "y", "relu", "torch.relu", "F.softmax", "nn.functional.relu", "torch", "F",
    "nn", "self", "self.x", "self.lstm", "a b", "q\"uote", "it's", "back\\slash", "ümlaut", "日本", "\n", "\r\n", "\t", "\u{7F}", "last", "first",
    "at", "cat", "flip", "tanh", "softmax", "nothing", "return", "_", "None", "True", "in", "inf", "nan", "x.relu", "a.tanh", "h.0", "v1",
    "drop", "dropout", "dropout.1", "x.drop", "torch.dropout", "hn", "cn", "output", "last.0", "-", "...", "->", "#", "a..b", ".a", "a.", "lengths", "h", "state",
    "def", "max_pool", "pad", "features", "sum", "repeat", "time", "self.max", "LayerNorm", "head.0", "layer.10.fc", "\u{1F600}", "\u{200B}", "x -> y", "a;b", "\"\"\"", "add", "zeros", "pack_padded_sequence", "view",
  ]

  var modules: [Module]
  var forward: Forward

  init(_ generator: inout SplitMix64, stepCount: Int = 14) {
    var names = Self.names.shuffled(using: &generator)
    let sizes = [1, 2, 3, 4]
    modules = (0..<Int.random(in: 1...5, using: &generator)).map { _ in
      let name = names.removeLast()
      let (a, b) = (sizes.randomElement(using: &generator) ?? 1, sizes.randomElement(using: &generator) ?? 1)
      switch Int.random(in: 0..<8, using: &generator) {
      case 0: return .embedding(Embedding(name: name, numEmbeddings: 5, embeddingDim: b))
      case 1, 2: return .linear(Linear(name: name, inFeatures: a, outFeatures: b))
      case 3: return Bool.random(using: &generator) ? .prelu(PReLU(name: name)) : .norm(Norm(name: name, kind: Norm.Kind.allCases.randomElement(using: &generator) ?? .layer, features: a))
      case 4 where Bool.random(using: &generator):
        return .convolution(Convolution(name: name, inChannels: a, outChannels: b, window: TimeWindow(size: 2, stride: Int.random(in: 1...2, using: &generator), before: 1, after: 0)))
      case 4: return .unknown(UnknownModule(name: name, tensorNames: []))
      default:
        return .recurrent(
          Recurrent(
            name: name, cell: [.rnn, .lstm, .gru].randomElement(using: &generator) ?? .rnn, inputSize: a, hiddenSize: b,
            numLayers: Int.random(in: 1...3, using: &generator),
            direction: [.forward, .reverse, .bidirectional].randomElement(using: &generator) ?? .forward, isCell: Int.random(in: 0..<6, using: &generator) == 0))
      }
    }
    var inputNames = Self.names.shuffled(using: &generator)
    let inputs = (0..<(Int.random(in: 0..<3, using: &generator) == 0 ? Int.random(in: 1...3, using: &generator) : 1)).map { _ in
      Bool.random(using: &generator)
        ? Forward.Input() : Forward.Input(inputNames.removeLast(), features: Bool.random(using: &generator) ? sizes.randomElement(using: &generator) : nil)
    }
    var seen = Set<String>()
    forward = Forward(inputs: inputs.filter { seen.insert($0.name).inserted })
    forward.outputs = [Forward.Output(.input(0))]
    for _ in 0..<Int.random(in: 0...stepCount * 4, using: &generator) where forward.steps.count < stepCount {
      var next = forward
      let values = forward.inputs.indices.map { Forward.Value.input($0) } + forward.steps.indices.map { .step($0) }
      func value() -> Forward.Value { (Bool.random(using: &generator) ? values.last : values.randomElement(using: &generator)) ?? .input(0) }
      let operation = Self.operation(modules, &generator)
      let count = switch operation {
      case .constant, .parameter: 0
      case .arithmetic, .repeated: 2
      case .concatenate: Int.random(in: 1...4, using: &generator)
      case .module(let name):
        if case .unknown? = modules.first(where: { $0.name == name }) { Int.random(in: 0...3, using: &generator) } else { 1 }
      default: 1
      }
      let step = Forward.Step(operation, (0..<count).map { _ in value() })
      guard !forward.steps.contains(step) else { continue }
      next.steps.append(step)
      if (try? next.shapes(modules)) != nil { forward = next }
    }
    let values = forward.inputs.indices.map { Forward.Value.input($0) } + forward.steps.indices.map { .step($0) }
    let outputCount = Int.random(in: 0..<3, using: &generator) == 0 ? Int.random(in: 1...4, using: &generator) : 1
    forward.outputs = (0..<outputCount).map { index in
      let value = index == 0 ? values[values.count - 1] : values.randomElement(using: &generator) ?? .input(0)
      return Forward.Output(value, name: Int.random(in: 0..<3, using: &generator) == 0 ? inputNames.removeLast() : nil)
    }
  }

  private static func operation(_ modules: [Module], _ generator: inout SplitMix64) -> Forward.Operation {
    let number = { (generator: inout SplitMix64) -> Double in
      [0, -0.0, 1, -1, 0.5, -2.25, 1e-300, -1e300, 0.1, 1e15, 123_456_789_012_345_680, .infinity, -.infinity, .leastNonzeroMagnitude].randomElement(using: &generator) ?? 0
    }
    switch Int.random(in: 0..<16, using: &generator) {
    case 0..<5: return .module(modules.randomElement(using: &generator)?.name ?? "")
    case 5:
      let (a, b) = (Double.random(in: -2...2, using: &generator), Double.random(in: -2...2, using: &generator))
      let all: [Activation] = [
        .identity, .sigmoid, .tanh, .relu, .hardSigmoid(alpha: a, beta: b), .hardSigmoidKeras2, .hardSigmoidKeras3, .leakyReLU(alpha: a),
        .thresholdedReLU(alpha: a), .scaledTanh(alpha: a, beta: b), .elu(alpha: a), .softsign, .softplus, .affine(alpha: a, beta: b),
        .silu, .gelu, .geluTanh, .clip(min: min(a, b), max: max(a, b)), .clip(min: -.greatestFiniteMagnitude, max: a), .exp, .log, .sqrt, .abs,
      ]
      return .activation(.elementwise(all.randomElement(using: &generator) ?? .tanh))
    case 6: return .activation(Bool.random(using: &generator) ? .softmax : .logSoftmax)
    case 7: return .select([.last, .first, .at(3), .at(-2), .at(0), .at(-1), .at(.max), .at(.min)].randomElement(using: &generator) ?? .last)
    case 8, 9: return .state(Bool.random(using: &generator) ? .hn : .cn, Int.random(in: 0..<4, using: &generator))
    case 10: return [.flip, .repeated, .window([.max, .average(countsPadding: true), .average(countsPadding: false), .join].randomElement(using: &generator) ?? .max, TimeWindow(size: Int.random(in: 1...3, using: &generator), stride: Int.random(in: 1...3, using: &generator), dilation: Int.random(in: 1...2, using: &generator), before: Int.random(in: -2...2, using: &generator), after: Int.random(in: -2...2, using: &generator))), .overTime(TimeFunction.allCases.randomElement(using: &generator) ?? .sum)].randomElement(using: &generator) ?? .flip
    case 11:
      let low = Int.random(in: 0..<3, using: &generator)
      return .slice(low..<low + Int.random(in: 1...2, using: &generator))
    case 12: return .concatenate
    case 13: return .arithmetic(Forward.Arithmetic.allCases.randomElement(using: &generator) ?? .add)
    case 14:
      return .constant((0..<Int.random(in: 1...3, using: &generator)).map { _ in number(&generator) })
    default:
      let name = names.randomElement(using: &generator) ?? ""
      return Bool.random(using: &generator) ? .parameter(name) : .nothing(name)
    }
  }
}

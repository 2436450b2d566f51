import RNNModel
import Testing

/// Draws models of every kind of module with every option, and archives of every type, shape and name.
struct RandomModel {
  private var random: SplitMix64

  static let oddNames = [
    "", " ", ".", "..", "/", "a/b", "%", "%2F", "\\", "\"", "'", "{", "}", "[0]", "null", "é", "日本語", "😀", "a\tb",
    "a\nb", "a\rb",
    "\u{0}", "\u{1B}[2J", "\u{7F}", "\u{85}", "\u{2028}", "\u{FEFF}", "\u{FFFF}", "\u{10FFFF}", "__proto__", "weight:0",
    String(repeating: "n", count: 4096), String(repeating: "é", count: 2048),
  ]

  init(seed: UInt64) {
    random = SplitMix64(seed: seed)
  }

  mutating func model() throws -> Model {
    let architecture = architecture()
    var archive = TensorArchive(isOrdered: .random(using: &random))
    let type = pick([ElementType.float32, .float64, .float16, .bfloat16])
    for module in architecture.modules {
      for (name, shape) in Model.parameters(of: module) { try archive.append(name, try tensor(type, shape)) }
      if case .unknown(let module) = module {
        for name in module.tensorNames { try archive.append(name, try tensor()) }
      }
    }
    for name in Self.oddNames where archive[name] == nil && chance(10) { try archive.append(name, try tensor()) }
    for index in 0..<Int.random(in: 0...3, using: &random) { archive.cases.append(try reference(index)) }
    if chance(2) { archive.metadata = metadata() }
    return try Model(archive, architecture: architecture)
  }

  mutating func architecture() -> Architecture {
    var links: [Link] = []
    for index in 0..<Int.random(in: 0...4, using: &random) {
      let name = pick(["rnn", "encoder.lstm", "é \"x\"", "m\n"]) + "\(index)"
      links.append(link(name: index == 0 && chance(4) ? "" : name))
    }
    var frame = Frame(skip: chance(4) ? 1 : 0)
    if chance(4) { frame.inputGain = number() }
    if chance(4) { frame.gainedFeatures = 1 }
    if chance(4) { frame.outputGain = number() }
    let batchFirst = Bool.random(using: &random)
    // What fits together is rare here: a chain that does not is one whose forward is not known.
    let architecture = try? Architecture(links, isOrderKnown: !chance(4), in: frame, batchFirst: batchFirst)
    return architecture ?? Architecture(modules: links.map(\.module), forward: nil, batchFirst: batchFirst)
  }

  private mutating func link(name: String) -> Link {
    let module = module(name: name)
    switch module {
    case .linear:
      let function: Function = pick([.elementwise(.identity), .elementwise(activation()), .softmax, .logSoftmax])
      return Link(module, functions: function == .elementwise(.identity) ? [] : [function])
    case .recurrent: return Link(module, returnsSequence: !chance(4))
    default: return Link(module)
    }
  }

  private mutating func module(name: String) -> Module {
    switch Int.random(in: 0..<9, using: &random) {
    case 0:
      return .linear(Linear(name: name, inFeatures: size(), outFeatures: size(), bias: .random(using: &random)))
    case 1:
      let count = size()
      return .embedding(Embedding(
        name: name, numEmbeddings: count, embeddingDim: size(),
        paddingIndex: chance(2) ? Int.random(in: 0..<count, using: &random) : nil))
    case 2: return .unknown(UnknownModule(name: name, className: "Conv1D", tensorNames: ["\(name).conv.weight", "\(name).conv.bias"]))
    default: return .recurrent(recurrent(name: name))
    }
  }

  private mutating func recurrent(name: String) -> Recurrent {
    var module = Recurrent(
      name: name, cell: pick([.rnn, .lstm, .gru]), inputSize: size(), hiddenSize: size(), bias: .random(using: &random))
    module.isCell = chance(4)
    if !module.isCell {
      module.numLayers = Int.random(in: 1...3, using: &random)
      module.direction = pick([.forward, .reverse, .bidirectional])
    }
    let isRNN = module.cell == .rnn
    // An RNN has one activation, and only that is written.
    if chance(2) { module.activations = activations(onlyCandidate: isRNN) }
    if module.direction == .bidirectional, chance(3) { module.reverseActivations = activations(onlyCandidate: isRNN) }
    if module.cell == .gru { module.resetAfter = !chance(3) }
    if module.cell == .lstm {
      (module.inputForget, module.peephole) = (chance(4), chance(4))
      if !module.isCell, module.hiddenSize > 1, chance(3) {
        module.projSize = Int.random(in: 1..<module.hiddenSize, using: &random)
      }
    }
    if chance(4) { module.clip = 3.5 }
    module.hasInitialState = chance(4)
    return module
  }

  private mutating func activations(onlyCandidate: Bool) -> Recurrent.Activations {
    onlyCandidate
      ? .init(candidate: activation()) : .init(gate: activation(), candidate: activation(), output: activation())
  }

  private mutating func activation() -> Activation {
    let (alpha, beta) = (number(), number())
    return pick([
      .identity, .sigmoid, .tanh, .relu, .softsign, .softplus, .hardSigmoidKeras2, .hardSigmoidKeras3,
      .hardSigmoid(alpha: alpha, beta: beta), .leakyReLU(alpha: alpha), .thresholdedReLU(alpha: alpha),
      .scaledTanh(alpha: alpha, beta: beta), .elu(alpha: alpha), .affine(alpha: alpha, beta: beta),
      .silu, .gelu, .geluTanh, .exp, .log, .sqrt, .abs, .clip(min: min(alpha, beta), max: max(alpha, beta)),
    ])
  }

  private mutating func reference(_ index: Int) throws -> ReferenceCase {
    var members: [NamedTensor] = []
    let names = ["input", "h0", "c0", "lengths", "output", "hn", "cn", "y", "a.hn"] + Self.oddNames
    for name in names where chance(4) {
      members.append(NamedTensor(name, try tensor()))
    }
    return ReferenceCase(
      name: index == 0 && chance(3) ? pick(Self.oddNames) : "case \(index)", members: members,
      metadata: chance(2) ? metadata() : [])
  }

  /// Of any type and shape, with any bits.
  private mutating func tensor() throws -> Tensor {
    let rank = chance(20) ? 32 : Int.random(in: 0...4, using: &random)
    let shape = (0..<rank).map { $0 > 6 ? 1 : pick([0, 1, 1, 2, 3, 5]) }
    return try tensor(pick(ElementType.allCases), shape)
  }

  private mutating func tensor(_ type: ElementType, _ sizes: [Int]) throws -> Tensor {
    var random = random
    defer { self.random = random }
    let tensor = Tensor(type, try #require(Shape(sizes))) { bytes in
      let most: UInt8 = type == .bool ? 1 : 255
      for index in bytes.indices { bytes[index] = .random(in: 0...most, using: &random) }
    }
    return try #require(tensor)
  }

  private mutating func metadata() -> [JSONValue.Member] {
    [
      .init("framework", .string("torch 2.15.0")),
      .init("seed", .largeInteger("\(UInt64.random(in: (1 << 63)...(.max), using: &random))")),
      .init("é\n\"", .array([.null, .bool(true), .integer(.min), .number(number()), .number(-0.0), .object([])])),
      .init("", .object([.init("nested", .array([.array([.string("\u{0}\u{7F}😀")])]))])),
    ]
  }

  private mutating func number() -> Double {
    let value = Double(bitPattern: .random(in: 0 ... .max, using: &random))
    return value.isFinite ? value : 0.1
  }

  private mutating func size() -> Int { pick([1, 2, 3, 5, 8]) }
  private mutating func chance(_ one: Int) -> Bool { Int.random(in: 0..<one, using: &random) == 0 }
  private mutating func pick<Value>(_ values: [Value]) -> Value {
    values[Int.random(in: 0..<values.count, using: &random)]
  }
}

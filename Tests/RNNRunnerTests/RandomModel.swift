import RNNModel
import RNNRunner

/// Random numbers that are the same in every run.
struct Generator: RandomNumberGenerator {
  private var random: SplitMix64

  init(seed: UInt64) { random = SplitMix64(seed: seed) }

  mutating func next() -> UInt64 { random.next() }

  mutating func chance(_ probability: Double) -> Bool { Double.random(in: 0..<1, using: &self) < probability }
  mutating func size(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &self) }
  mutating func uniform(_ bound: Double) -> Double { Double.random(in: -bound...bound, using: &self) }
}

/// What values a random model and its input have.
enum Values: CaseIterable {
  /// As trained models have.
  case ordinary
  /// Large ones, which saturate every gate.
  case saturating
  /// Around the least normal number.
  case subnormal
  /// Ordinary ones with NaN and infinities among them.
  case special

  func draw(_ bound: Double, _ precision: Precision, _ generator: inout Generator) -> Double {
    switch self {
    case .ordinary: return generator.uniform(bound)
    case .saturating: return generator.uniform(bound) * (generator.chance(0.1) ? 1e4 : 30)
    case .subnormal:
      let least = precision == .float32 ? 0x1p-126 : 0x1p-1022
      return generator.chance(0.7) ? generator.uniform(4) * least : generator.uniform(bound)
    case .special:
      if generator.chance(0.003) {
        return [Double.nan, -.nan, .infinity, -.infinity].randomElement(using: &generator) ?? 0
      }
      return generator.uniform(bound)
    }
  }
}

/// A random model with an input and states for it.
struct RandomModel {
  var model: Model
  var input: Tensor
  var steps: Int
  var batch: Int
  var lengths: [Int]?
  /// `<module>.h0` and `<module>.c0`.
  var states: [String: Tensor] = [:]
  /// The same as a run takes them.
  var members: [NamedTensor] { states.map { NamedTensor($0.key, $0.value) } }

  /// - Parameters:
  ///   - element: The weights' type.
  ///   - pytorch: Only what PyTorch's modules can be.
  init(
    _ generator: inout Generator, element: ElementType = .float32, values: Values = .ordinary, pytorch: Bool = false,
    forward: Bool = false, heads: Bool = true
  ) throws {
    var links: [Link] = []
    let usesEmbedding = !pytorch && generator.chance(0.15)
    var size = generator.size(1...70)
    let indices = generator.size(1...20)
    if usesEmbedding {
      links.append(Link(.embedding(Embedding(name: "embedding", numEmbeddings: indices, embeddingDim: size))))
    }
    let inputSize = size
    let count = pytorch || generator.chance(0.7) ? 1 : 2
    for index in 0..<count {
      let module = Self.recurrent(&generator, name: "rnn\(index)", inputSize: size, pytorch: pytorch, forward: forward)
      let returnsSequence = pytorch || index < count - 1 || generator.chance(0.8)
      links.append(Link(.recurrent(module), returnsSequence: returnsSequence))
      size = module.outputSize
    }
    if heads && generator.chance(0.5) {
      for index in 0..<generator.size(1...2) {
        let out = generator.size(1...70)
        let head: Function =
          switch generator.size(0...3) {
          case 0: .softmax
          case 1: .logSoftmax
          default: .elementwise(Self.activation(&generator))
          }
        links.append(
          Link(
            .linear(Linear(name: "fc\(index)", inFeatures: size, outFeatures: out, bias: generator.chance(0.7))),
            functions: head == .elementwise(.identity) ? [] : [head]))
        size = out
      }
    }
    let batchFirst = generator.chance(0.5)
    let endsWithTime = links.allSatisfy(\.returnsSequence)
    var frame = Frame()
    if !pytorch && !usesEmbedding && generator.chance(0.3) {
      frame.skip = endsWithTime ? 1 : 0
      frame.inputGain = 0.7
      frame.gainedFeatures = generator.chance(0.5) ? 1 : nil
      frame.outputGain = 1.3
    }
    var architecture = try Architecture(links, in: frame, batchFirst: batchFirst)
    let precision: Precision = element == .float64 ? .float64 : .float32
    var archive = TensorArchive()
    for module in architecture.modules {
      for (name, shape) in Model.parameters(of: module) {
        let bound = 1.2 / Double(shape.last ?? 1).squareRoot()
        let isBias = shape.count == 1
        try archive.append(
          name, Self.tensor(shape, element) { values.draw(isBias ? 0.5 : bound, precision, &generator) })
      }
    }
    model = try Model(archive, architecture: architecture)
    steps = generator.size(1...20)
    batch = generator.size(1...9)
    let isBatched = batch > 1 || generator.chance(0.5)
    var shape = [steps]
    if isBatched { shape = architecture.batchFirst ? [batch, steps] : [steps, batch] }
    let drawn = steps * batch
    if usesEmbedding {
      let numbers = (0..<drawn).map { _ in Int64(generator.size(0...indices - 1)) }
      input = try require(Shape(shape).flatMap { Tensor(numbers, $0) })
    } else {
      input = try Self.tensor(shape + [inputSize], precision.elementType) { values.draw(1.5, precision, &generator) }
    }
    if generator.chance(0.4) {
      let most = steps
      lengths = (0..<batch).map { _ in generator.size(1...most) }
    }
    for module in architecture.recurrentModules where generator.chance(0.6) {
      let blocks = module.numLayers * module.directionCount
      states[module.name + ".h0"] = try Self.tensor([blocks, batch, module.stateSize], precision.elementType) {
        values.draw(0.8, precision, &generator)
      }
      if module.cell == .lstm {
        states[module.name + ".c0"] = try Self.tensor([blocks, batch, module.hiddenSize], precision.elementType) {
          values.draw(1.5, precision, &generator)
        }
      }
    }
    if !pytorch, generator.chance(0.5) {
      architecture.forward = try Self.goingOn(
        from: require(architecture.forward), architecture, steps: steps, forward: forward, &generator)
      model = try Model(archive, architecture: architecture)
    }
  }

  /// Appends random steps, which take any values that are there; the last one goes out.
  ///
  /// - Parameter forward: Only what takes nothing but the past.
  private static func goingOn(
    from start: Forward, _ architecture: Architecture, steps: Int, forward onlyForward: Bool, _ generator: inout Generator
  ) throws -> Forward {
    var forward = start
    for _ in 0..<generator.size(1...8) {
      var next = forward
      let shapes = try forward.shapes(architecture.modules)
      func pick(_ wanted: (ValueShape) -> Bool) -> Forward.Value? {
        forward.steps.indices.map { Forward.Value.step($0) }.filter { wanted(shapes[$0]) && !shapes[$0].isConstant }
          .randomElement(using: &generator)
      }
      guard let value = pick({ _ in true }), let size = shapes[value].features else { continue }
      let hasTime = shapes[value].hasTime
      let made: Forward.Value?
      switch generator.size(0...9) {
      case 0: made = next.add(.activation([.softmax, .logSoftmax].randomElement(using: &generator) ?? .softmax), value)
      case 1: made = next.add(.activation(.elementwise(activation(&generator))), value)
      case 2:
        // What a length of 0 in a piece is refused for is no recurrent module's.
        var isRecurrent = false
        if case .step(let number) = value, case .module(let name) = forward.steps[number].operation,
          case .recurrent? = architecture[name]
        {
          isRecurrent = true
        }
        made = hasTime && (isRecurrent || !onlyForward) ? next.add(.select(.last), value) : nil
      case 3:
        let from = generator.size(0...size - 1)
        made = next.add(.slice(from..<generator.size(from + 1...size)), value)
      case 4:
        let other = pick { !onlyForward || $0.hasTime == hasTime }
        made = other.flatMap { $0 == value ? nil : next.add(.concatenate, value, $0) }
      case 5, 6:
        let other = pick { (!onlyForward || $0.hasTime == hasTime) && ($0.features == size || $0.features == 1 || size == 1) }
        let kind = Forward.Arithmetic.allCases.randomElement(using: &generator) ?? .add
        made = other.map { next.add(.arithmetic(kind), value, $0) }
      case 7:
        let numbers = (0..<(generator.chance(0.5) ? 1 : size)).map { _ in generator.uniform(2) }
        let constant = next.add(.constant(numbers))
        let kind = Forward.Arithmetic.allCases.randomElement(using: &generator) ?? .add
        made = generator.chance(0.5) ? next.add(.arithmetic(kind), value, constant) : next.add(.arithmetic(kind), constant, value)
      case 8:
        let calls = forward.steps.indices.compactMap { index -> (Int, Recurrent)? in
          if case .module(let name) = forward.steps[index].operation, case .recurrent(let module)? = architecture[name] {
            (index, module)
          } else {
            nil
          }
        }
        guard let (index, module) = calls.randomElement(using: &generator) else { continue }
        let kind: Forward.StateKind = module.cell == .lstm && generator.chance(0.5) ? .cn : .hn
        made = next.add(.state(kind, generator.size(0...module.numLayers * module.directionCount - 1)), .step(index))
      default:
        guard hasTime, !onlyForward else { continue }
        switch generator.size(0...2) {
        case 0: made = next.add(.flip, value)
        case 1: made = next.add(.select(.first), value)
        default: made = next.add(.select(.at(generator.size(-steps...steps - 1))), value)
        }
      }
      guard let made, (try next.shapes(architecture.modules))[made].features ?? 0 <= 300 else { continue }
      next.outputs = [Forward.Output(made)]
      forward = next
    }
    return Self.isAllNeeded(of: forward, architecture) ? forward : start
  }

  /// Whether what goes out needs every recurrent module, so that a run gives the states of all.
  private static func isAllNeeded(of forward: Forward, _ architecture: Architecture) -> Bool {
    var needed = Set(forward.outputs.map(\.value))
    for (index, step) in forward.steps.enumerated().reversed() where needed.contains(.step(index)) {
      needed.formUnion(step.inputs)
    }
    return forward.steps.enumerated().allSatisfy { index, step in
      if case .module(let name) = step.operation, case .recurrent? = architecture[name] { needed.contains(.step(index)) } else { true }
    }
  }

  private static func recurrent(
    _ generator: inout Generator, name: String, inputSize: Int, pytorch: Bool, forward: Bool
  ) -> Recurrent {
    let cell = [Recurrent.Cell.rnn, .lstm, .gru].randomElement(using: &generator) ?? .rnn
    let hidden = generator.size(1...70)
    var module = Recurrent(
      name: name, cell: cell, inputSize: inputSize, hiddenSize: hidden, numLayers: generator.size(1...4),
      bias: generator.chance(0.8))
    if !forward {
      if generator.chance(0.4) {
        module.direction = .bidirectional
      } else if !pytorch && generator.chance(0.2) {
        module.direction = .reverse
      }
    }
    if cell == .lstm && hidden > 1 && generator.chance(0.3) { module.projSize = generator.size(1...hidden - 1) }
    if cell == .rnn && generator.chance(0.4) { module.activations.candidate = .relu }
    guard !pytorch else { return module }
    if generator.chance(0.4) {
      module.activations = Recurrent.Activations(
        gate: activation(&generator), candidate: activation(&generator), output: activation(&generator))
      if module.direction == .bidirectional, generator.chance(0.5) {
        module.reverseActivations = Recurrent.Activations()
      }
    }
    if generator.chance(0.2) { module.clip = 0.5 }
    if cell == .gru { module.resetAfter = generator.chance(0.6) }
    if cell == .lstm {
      module.peephole = generator.chance(0.25)
      module.inputForget = generator.chance(0.2)
    }
    module.hasInitialState = generator.chance(0.2)
    return module
  }

  static func activation(_ generator: inout Generator) -> Activation {
    let all: [Activation] = [
      .identity, .sigmoid, .tanh, .relu, .hardSigmoidKeras2, .hardSigmoidKeras3, .leakyReLU(alpha: 0.01),
      .thresholdedReLU(alpha: 0.1), .scaledTanh(alpha: 1.7, beta: 0.6), .elu(alpha: 0.9), .softsign, .softplus,
      .affine(alpha: 0.8, beta: -0.1), .silu, .gelu, .geluTanh, .clip(min: -0.3, max: 0.4),
    ]
    return all.randomElement(using: &generator) ?? .tanh
  }

  /// A float32 model of these modules, with parameters up to `bound`.
  static func model(_ modules: [Module], _ bound: Double, _ generator: inout Generator) throws -> Model {
    try model(modules.map { Link($0) }, .float32, &generator) { $0.uniform(bound) }
  }

  /// A chain with parameters that are drawn.
  static func model(
    _ links: [Link], _ type: ElementType, _ generator: inout Generator, _ draw: (inout Generator) -> Double
  ) throws -> Model {
    var archive = TensorArchive()
    for (name, shape) in links.flatMap({ Model.parameters(of: $0.module) }) {
      try archive.append(name, tensor(shape, type) { draw(&generator) })
    }
    return try Model(archive, architecture: Architecture(links, in: Frame()))
  }

  static func tensor(_ shape: [Int], _ type: ElementType, _ draw: () -> Double) throws -> Tensor {
    let shape = try require(Shape(shape))
    let wide = try require(Tensor((0..<shape.count).map { _ in draw() }, shape))
    return type == .float64 ? wide : try require(wide.converted(to: type)).tensor
  }

  /// Whether the model takes indices.
  var takesIndices: Bool { if case .embedding = model.architecture.modules.first { true } else { false } }

  /// The position in the input, in steps, of a step of a row.
  func position(_ step: Int, _ row: Int) -> Int {
    model.architecture.batchFirst && isBatched ? row * steps + step : step * batch + row
  }

  var isBatched: Bool { input.shape.rank == (takesIndices ? 2 : 3) }

  /// h0 or c0 of one row, block by block; the model's own or nil without one given.
  func state(_ letter: String, _ module: Recurrent, row: Int) -> [[Double]]? {
    let size = letter == "h" ? module.stateSize : module.hiddenSize
    let blocks = module.numLayers * module.directionCount
    if let tensor = states["\(module.name).\(letter)0"] {
      let all = tensor.doubles
      return (0..<blocks).map { Array(all[($0 * batch + row) * size..<($0 * batch + row + 1) * size]) }
    }
    guard module.hasInitialState, let tensor = model.tensor(module.name, "\(letter)0") else { return nil }
    let all = tensor.doubles
    return (0..<blocks).map { Array(all[$0 * size..<($0 + 1) * size]) }
  }
}

struct MissingValue: Error {}

func require<Value>(_ value: Value?) throws -> Value {
  guard let value else { throw MissingValue() }
  return value
}

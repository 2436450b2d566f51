import RNNModel

/// The steps of a model as boxes and arrows, before they have places.
struct ForwardGraph {
  enum Kind: String {
    case input, output, recurrent, weights, function, constant, unknown
  }

  struct Box {
    var kind: Kind
    /// The module's name or what is computed.
    var title: String
    /// Sizes, each a line.
    var details: [String] = []
    /// `(time, batch, 8)`; empty where the box gives nothing on.
    var shape = ""
    /// What of it the file does not say.
    var isAssumed = false
    /// For a recurrent module, which ways its state goes in time.
    var direction: Recurrent.Direction?
    var hasCell = false
  }

  private(set) var boxes: [Box] = []
  private(set) var edges: [LayeredLayout.Edge] = []
  /// Whether who reads the file assumed the order of the steps.
  let isAssumed: Bool
  /// Whether it is known what is computed at all.
  let isKnown: Bool
  /// Steps that stand in no box of their own.
  private(set) var leftOut = 0

  /// Arrows to one box.
  static let maximumArrows = 24
  /// Boxes beyond which steps are left out.
  static let maximumSteps = 160

  init(_ file: ModelFile) {
    let architecture = file.model.architecture
    isAssumed = file.source == .assumption || file.source == .referenceCase
    isKnown = architecture.forward != nil
    guard let forward = architecture.forward, let shapes = file.model.shapes else {
      boxes = architecture.modules.prefix(Self.maximumSteps).map { Self.box(of: $0, file) }
      leftOut = max(architecture.modules.count - Self.maximumSteps, 0)
      return
    }
    add(forward, shapes, file)
  }

  private mutating func add(_ forward: Forward, _ shapes: ForwardShapes, _ file: ModelFile) {
    let architecture = file.model.architecture
    let modules = Dictionary(architecture.modules.map { ($0.name, $0) }) { first, _ in first }
    var places: [Forward.Value: Int] = [:]
    for (index, input) in forward.inputs.prefix(Self.maximumSteps).enumerated() {
      places[.input(index)] = boxes.count
      let shape = shapes.inputs[index]
      boxes.append(Box(
        kind: .input, title: input.name, details: shape.isIndices ? ["whole numbers"] : [],
        shape: shape.text(batchFirst: architecture.batchFirst)))
    }
    let shown = forward.steps.count <= Self.maximumSteps ? forward.steps.count : Self.maximumSteps
    leftOut = forward.steps.count - shown
    for index in 0..<shown {
      let step = forward.steps[index]
      var box: Box
      if case .module(let name) = step.operation, let module = modules[name] {
        box = Self.box(of: module, file)
      } else {
        box = Self.box(of: step, forward, modules)
      }
      box.shape = shapes.steps[index].text(batchFirst: architecture.batchFirst)
      places[.step(index)] = boxes.count
      let sources = step.inputs.compactMap { places[$0] }
      connect(Array(sources.prefix(Self.maximumArrows)))
      if sources.count > Self.maximumArrows { box.details.append("of \(sources.count.groupedDigits) values") }
      boxes.append(box)
    }
    if leftOut > 0 {
      var taken: [Int] = []
      for step in forward.steps[shown...] {
        for value in step.inputs {
          if let place = places[value], !taken.contains(place), taken.count < 12 { taken.append(place) }
        }
      }
      connect(taken)
      for index in shown..<forward.steps.count { places[.step(index)] = boxes.count }
      boxes.append(Box(kind: .function, title: "…", details: ["\(leftOut.groupedDigits) more steps"]))
    }
    for output in forward.outputs.prefix(Self.maximumSteps) {
      guard let place = places[output.value] else { continue }
      connect([place])
      boxes.append(Box(kind: .output, title: output.name ?? (forward.outputs.count == 1 ? "y" : "output")))
    }
  }

  /// Arrows to the box that comes next.
  private mutating func connect(_ sources: [Int]) {
    for (port, source) in sources.enumerated() {
      edges.append(LayeredLayout.Edge(source: source, target: boxes.count, port: port))
    }
  }

  private static func box(of module: Module, _ file: ModelFile) -> Box {
    var box = Box(kind: .weights, title: module.name.isEmpty ? "(unnamed)" : module.name)
    if case .recurrent(let recurrent) = module {
      box.kind = .recurrent
      box.details = recurrent.words
      box.direction = recurrent.direction
      box.hasCell = recurrent.cell == .lstm
      // Assumptions are told as sentences that begin with what they are of.
      box.isAssumed = file.notes.map(\.description).contains {
        $0.hasPrefix(module.name + ": ") && $0.contains("the file does not say")
      }
    } else if case .unknown(let unknown) = module {
      box.kind = .unknown
      box.details = ["cannot be run", counted(unknown.tensorNames.count, "tensor")]
    } else if case .linear(let linear) = module {
      box.details = ["Linear \(linear.inFeatures.groupedDigits) → \(linear.outFeatures.groupedDigits)"]
      if !linear.bias { box.details.append("no bias") }
    } else if case .embedding(let embedding) = module {
      box.details = ["Embedding \(embedding.numEmbeddings.groupedDigits) × \(embedding.embeddingDim.groupedDigits)"]
    } else {
      box.details = [module.repr(batchFirst: false)]
    }
    return box
  }

  private static func counted(_ number: Int, _ thing: String) -> String {
    "\(number.groupedDigits) \(thing)\(number == 1 ? "" : "s")"
  }

  private static func box(of step: Forward.Step, _ forward: Forward, _ modules: [String: Module]) -> Box {
    switch step.operation {
    case .arithmetic(let kind):
      let title = ["-": "−", "*": "×", "/": "÷"][kind.rawValue] ?? kind.rawValue
      let isOrdered = kind != .add && kind != .multiply
      return Box(kind: .function, title: title, details: isOrdered ? ["left \(title) right"] : [])
    case .concatenate: return Box(kind: .function, title: "cat", details: ["features, left to right"])
    case .select(.last): return Box(kind: .function, title: "last step")
    case .select(.first): return Box(kind: .function, title: "first step")
    case .select(.at(let step)): return Box(kind: .function, title: "step \(step)")
    case .overTime(let function): return Box(kind: .function, title: function.rawValue, details: ["over time"])
    case .attend(let attention):
      return Box(kind: .function, title: "attention", details: attention.heads == 1 ? ["query, key, value"] : ["\(attention.heads.groupedDigits) heads"])
    case .interleave(let parts): return Box(kind: .function, title: "interleave", details: ["\(parts.groupedDigits) parts"])
    case .window(let function, let window), .across(let function, let window, _):
      let isOverTime = if case .window = step.operation { true } else { false }
      var details = ["\(window.size) \(isOverTime ? "steps" : "positions"), stride \(window.stride)"]
      if window.dilation != 1 { details.append("dilation \(window.dilation)") }
      if window.before != 0 || window.after != 0 { details.append("padding \(window.before), \(window.after)") }
      return Box(kind: .function, title: function.word, details: details)
    case .repeated: return Box(kind: .function, title: "repeat", details: ["at every step"])
    case .flip: return Box(kind: .function, title: "flip", details: ["time turned round"])
    case .slice(let range):
      if range.count == 1 { return Box(kind: .function, title: "feature \(range.lowerBound.groupedDigits)") }
      return Box(kind: .function, title: "features \(range.lowerBound.groupedDigits) to \((range.upperBound - 1).groupedDigits)")
    case .state(let kind, let index):
      var box = Box(kind: .function, title: "\(kind.rawValue)[\(index)]")
      if case .step(let number)? = step.inputs.first, case .module(let name) = forward.steps[number].operation,
        case .recurrent(let module)? = modules[name]
      {
        let way = module.directionCount == 2 ? (index % 2 == 0 ? ", forward" : ", reverse") : ""
        box.details = ["state of layer \(index / module.directionCount)\(way)"]
      }
      return box
    case .constant(let values):
      let numbers = values.prefix(3).map(\.short).joined(separator: ", ")
      return Box(kind: .constant, title: numbers + (values.count > 3 ? ", …" : ""))
    case .parameter(let name): return Box(kind: .constant, title: name, details: ["tensor"])
    case .nothing(let name): return Box(kind: .function, title: name, details: ["does nothing"])
    case let other: return Box(kind: .function, title: other.word)
    }
  }
}

extension ValueShape {
  /// `(time, batch, 8)`, of an input or what a step gives.
  func text(batchFirst: Bool) -> String {
    let sizes = axes(batchFirst: batchFirst) + (isIndices ? [] : [features?.groupedDigits ?? "?"])
    return sizes.count == 1 ? "(\(sizes[0]),)" : "(\(sizes.joined(separator: ", ")))"
  }

  /// `time` and `batch`, as far as there are such axes.
  func axes(batchFirst: Bool) -> [String] {
    isConstant ? [] : !hasTime ? ["batch"] : batchFirst ? ["batch", axis.description] : [axis.description, "batch"]
  }
}

extension Recurrent {
  /// What a box says of it, a line each.
  var words: [String] {
    var lines = ["\(cell.rawValue)\(isCell ? "Cell" : "") \(inputSize.groupedDigits) → \(outputSize.groupedDigits)"]
    var more: [String] = []
    if numLayers > 1 { more.append("\(numLayers.groupedDigits) layers") }
    if direction == .bidirectional { more.append("both directions") }
    if direction == .reverse { more.append("backwards in time") }
    if projSize > 0 { more.append("\(hiddenSize.groupedDigits) units, projected") }
    if !more.isEmpty { lines.append(more.joined(separator: ", ")) }
    var special: [String] = []
    if cell == .rnn, activations.candidate != .tanh { special.append(activations.candidate.name) }
    if !bias { special.append("no bias") }
    if let beyondTorch, beyondTorch != "a single direction that runs backwards" { special.append(beyondTorch) }
    if !special.isEmpty { lines.append(special.joined(separator: ", ")) }
    return lines
  }
}

import RNNModel

/// A step that a node of the graph makes: an operation, and the values that it takes.
struct GraphStep {
  enum Operation {
    /// One layer.
    case recurrent(RecurrentLink)
    case linear(LinearLink)
    case embedding(EmbeddingLink)
    case prelu(PReLULink)
    case convolution(ConvolutionLink)
    case norm(NormLink)
    case unknown(UnknownLink)
    /// What has no tensors; a state's number is that of the direction.
    case plain(Forward.Operation)
  }

  var operation: Operation
  var inputs: [Flow.Source]
  /// The node, for errors.
  var place: String
  /// The name that the node's own name or its tensors' suggest.
  var name: String?
  /// The type of what it takes, which the graph computes it in.
  var type: ElementType

  var recurrent: RecurrentLink? {
    if case .recurrent(let link) = operation { link } else { nil }
  }

  /// Whether it is a module of the model rather than a plain operation.
  var isModule: Bool {
    if case .plain = operation { false } else { true }
  }

  /// Whether it is the same layer without states, with the same weights.
  func isIdentical(to other: GraphStep) -> Bool {
    func same(_ first: Tensor?, _ second: Tensor?) -> Bool {
      guard let first, let second else { return (first == nil) == (second == nil) }
      return first.isIdentical(to: second)
    }
    return switch (operation, other.operation) {
    case (.linear(let own), .linear(let other)): same(own.weight, other.weight) && same(own.bias, other.bias)
    case (.embedding(let own), .embedding(let other)): same(own.weight, other.weight)
    case (.prelu(let own), .prelu(let other)): same(own.weight, other.weight)
    default: false
    }
  }

  /// Whether its numbers are float64.
  var isDouble: Bool {
    switch operation {
    case .recurrent(let link): link.directions[0].weightIH.elementType == .float64
    case .linear(let link): link.weight.elementType == .float64
    case .embedding(let link): link.weight.elementType == .float64
    case .convolution(let link): link.weight.elementType == .float64
    case .norm(let link): link.weight.elementType == .float64
    case .prelu, .unknown, .plain: false
    }
  }

  /// The half precision that the graph asks for.
  var halfPrecision: Departure? {
    guard isModule, type == .float16 || type == .bfloat16 else { return nil }
    return Departure(
      .halfPrecision, place: place, "the graph computes it in \(type.rawValue), and RNNKit does not",
      note: "what the graph computes in \(type.rawValue) is computed in float32, the weights widened")
  }
}

/// One RNN, LSTM or GRU node, its tensors in PyTorch's shapes and gate order.
struct RecurrentLink {
  struct Direction {
    /// (gates·hidden, input)
    var weightIH: Tensor
    /// (gates·hidden, hidden)
    var weightHH: Tensor
    /// (gates·hidden) each, or none.
    var biases: (ih: Tensor, hh: Tensor)?
    /// (3·hidden), gates i, f, o.
    var peephole: Tensor?
    var activations: Recurrent.Activations
  }

  /// Where a starting state comes from.
  enum Start {
    /// Zeros.
    case none
    /// (directions, hidden), the same for every sequence; often zeros too.
    case stored(Tensor)
    case input(StateInput)

    /// Whether the file stores a state that is not all zeros.
    var isNotZero: Bool {
      if case .stored(let tensor) = self { !tensor.isZero } else { false }
    }

    var isGiven: Bool {
      if case .input = self { true } else { false }
    }
  }

  var cell: Recurrent.Cell
  var inputSize: Int
  var hiddenSize: Int
  var direction: Recurrent.Direction
  var directions: [Direction]
  var resetAfter = true
  var clip: Double?
  var inputForget = false
  var h0 = Start.none
  var c0 = Start.none
  /// The graph input that gives the sequences' lengths.
  var lengths: Int?

  /// Whether this can be the layer after another of one stack.
  func isLayer(after link: RecurrentLink) -> Bool {
    cell == link.cell && hiddenSize == link.hiddenSize && direction == link.direction && resetAfter == link.resetAfter
      && clip == link.clip && inputForget == link.inputForget && lengths == link.lengths
      && zip(directions, link.directions).allSatisfy {
        $0.activations == $1.activations && ($0.biases == nil) == ($1.biases == nil)
          && ($0.peephole == nil) == ($1.peephole == nil)
      }
  }
}

/// Part of a graph input that is a recurrent node's starting state.
struct StateInput: Hashable {
  var input: Int
  /// Axes of the graph input: layers and directions, sequences and hidden units; nil for one that it has not.
  var rowsAxis: Int?
  var batchAxis: Int?
  var hiddenAxis: Int
  var rows: Range<Int>
  /// The one index chosen of each axis that is none of these.
  var chosen: [Int: Int]
}

struct LinearLink {
  /// (out, in)
  var weight: Tensor
  /// (out)
  var bias: Tensor?
}

struct EmbeddingLink {
  /// (rows, size)
  var weight: Tensor
}

struct PReLULink {
  /// One number, or one for each feature.
  var weight: Tensor
}

struct ConvolutionLink {
  /// (out, in / groups, size), or with positions (out, in / groups, size, size)
  var weight: Tensor
  /// (out)
  var bias: Tensor?
  var window: TimeWindow
  /// Over the positions of a step.
  var across: TimeWindow?
  /// Whether the weight's last axis is time.
  var isTimeLast = false
  var groups: Int
}

/// One number for each feature in each tensor.
struct NormLink {
  var kind: Norm.Kind
  var eps: Double
  var weight: Tensor
  var bias: Tensor?
  var runningMean: Tensor?
  var runningVar: Tensor?
}

/// A node that is not understood.
struct UnknownLink {
  var className: String
  /// The constants that it takes.
  var tensors: [NamedTensor]
  /// Why it cannot be run.
  var reason: RNNError
}

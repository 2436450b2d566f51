import RNNModel

/// A node, or a MatMul with what follows it, that became a module of the chain.
struct ChainLink {
  enum Module {
    case recurrent(RecurrentLink)
    case linear(LinearLink)
    case embedding(EmbeddingLink)
  }

  var module: Module
  /// The node, for errors.
  var place: String
  /// The name the node's own name suggests.
  var name: String?
  /// What it reads.
  var source: Flow.Source
  var sourceMoment: Flow.Moment
  /// The type of what it reads, which the graph computes it in.
  var type: ElementType
  /// How many functions have been applied after it.
  var version = 0
  /// A factor on the output, after everything else.
  var gain: Double?
  /// How many of the input's features are added to the output.
  var skip: Int?

  var recurrent: RecurrentLink? {
    if case .recurrent(let link) = module { link } else { nil }
  }

  /// Directions of a recurrent link, 1 for others.
  var directions: Int { recurrent?.directions.count ?? 1 }

  var outputSize: Int {
    switch module {
    case .recurrent(let link): link.directions.count * link.hiddenSize
    case .linear(let link): link.weight.shape[0]
    case .embedding(let link): link.weight.shape[1]
    }
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
}

/// Part of a graph input that is a recurrent node's starting state.
struct StateInput: Hashable {
  var input: Int
  /// Axes of the graph input: layers and directions, sequences (none without a batch axis), hidden units.
  var rowsAxis: Int
  var batchAxis: Int?
  var hiddenAxis: Int
  var rows: Range<Int>
}

struct LinearLink {
  /// (out, in)
  var weight: Tensor
  /// (out)
  var bias: Tensor?
  var activation = Function.elementwise(.identity)
  /// Whether the activation is α·x of a Mul alone, which an Add or a Tanh may yet complete.
  var isOpen = false
}

struct EmbeddingLink {
  /// (rows, size)
  var weight: Tensor
}

/// What a model computes: a chain of modules, each fed by the one before it.
///
/// An architecture alone says nothing about weights; `Model` is one whose tensors are there and fit.
public struct Architecture: Sendable, Hashable {
  /// In the order they are applied.
  public var modules: [Module]
  /// Whether the chain's input and output are (batch, time, features) rather than (time, batch, features).
  public var batchFirst: Bool
  /// Whether the order of `modules` is that of application. False where tensors alone leave several readings open; then a
  /// chain must be chosen before it can be run.
  public var orderKnown: Bool
  /// The chain's first `skip` input features are added to its output at every step (0: none).
  public var skip: Int
  /// Factors on the chain's input and output.
  public var inputGain: Double
  public var outputGain: Double
  /// How many features of a step, from the first on, `inputGain` multiplies; nil for all of them.
  public var inputGainFeatures: Int?

  public init(
    modules: [Module], batchFirst: Bool = false, orderKnown: Bool = true, skip: Int = 0, inputGain: Double = 1,
    outputGain: Double = 1, inputGainFeatures: Int? = nil
  ) {
    self.modules = modules
    self.batchFirst = batchFirst
    self.orderKnown = orderKnown
    self.skip = skip
    self.inputGain = inputGain
    self.outputGain = outputGain
    self.inputGainFeatures = inputGainFeatures
  }

  /// The first module that cannot follow the one before it, and why; nil where the modules are a chain.
  package var gap: (module: String, problem: String)? {
    var isOneStep = false
    for (before, module) in zip(modules, modules.dropFirst()) {
      if case .recurrent(let before) = before, !before.returnsSequence { isOneStep = true }
      if case .recurrent = module, isOneStep { return (module.name, "the module before it gives its last step only") }
      if let takes = module.inputSize, let gives = before.outputSize, takes != gives {
        let problem = "it takes \(takes) features, the module before it gives \(gives): the modules are no chain"
        return (module.name, problem)
      }
    }
    return nil
  }

  public var recurrentModules: [Recurrent] {
    modules.compactMap { if case .recurrent(let module) = $0 { module } else { nil } }
  }
}

/// One link of the chain.
public enum Module: Sendable, Hashable {
  case recurrent(Recurrent)
  case linear(Linear)
  case embedding(Embedding)
  /// Tensors of something RNNKit carries but cannot run, such as a convolution.
  case unknown(UnknownModule)

  /// The module's name in the model it came from, which prefixes its parameters: `encoder.rnn`; may be empty.
  public var name: String {
    switch self {
    case .recurrent(let module): module.name
    case .linear(let module): module.name
    case .embedding(let module): module.name
    case .unknown(let module): module.name
    }
  }

  /// Features a step takes; 1 for an embedding's index, nil where unknown.
  public var inputSize: Int? {
    switch self {
    case .recurrent(let module): module.inputSize
    case .linear(let module): module.inFeatures
    case .embedding: 1
    case .unknown: nil
    }
  }

  /// Features a step gives, nil where unknown.
  public var outputSize: Int? {
    switch self {
    case .recurrent(let module): module.outputSize
    case .linear(let module): module.outFeatures
    case .embedding(let module): module.embeddingDim
    case .unknown: nil
    }
  }
}

/// A stack of recurrent layers of one kind and size: PyTorch's `nn.RNN`, `nn.LSTM` or `nn.GRU`, or one of their cells.
public struct Recurrent: Sendable, Hashable {
  public enum Cell: String, Sendable, Hashable {
    /// h' = g(W_ih x + b_ih + W_hh h + b_hh)
    case rnn = "RNN"
    /// Gate rows i, f, g, o.
    case lstm = "LSTM"
    /// Gate rows r, z, n.
    case gru = "GRU"

    /// How many gates share the rows of a weight.
    public var gateCount: Int {
      switch self {
      case .rnn: 1
      case .gru: 3
      case .lstm: 4
      }
    }
  }

  public enum Direction: String, Sendable, Hashable {
    case forward, reverse, bidirectional
  }

  /// The functions of one direction's cell.
  public struct Activations: Sendable, Hashable {
    /// Of the gates: LSTM's i, f, o and GRU's r, z. Unused by the RNN.
    public var gate: Activation
    /// Of the RNN itself, of LSTM's g and of GRU's n.
    public var candidate: Activation
    /// Of LSTM's cell state on its way to h. Unused by the others.
    public var output: Activation

    public init(gate: Activation = .sigmoid, candidate: Activation = .tanh, output: Activation = .tanh) {
      self.gate = gate
      self.candidate = candidate
      self.output = output
    }
  }

  public var name: String
  public var cell: Cell
  public var inputSize: Int
  public var hiddenSize: Int
  public var numLayers: Int
  public var bias: Bool
  public var direction: Direction
  /// Size of the LSTM's projected h; 0 without projection.
  public var projSize: Int
  /// Of the forward direction, or of the only one.
  public var activations: Activations
  /// Of the reverse half of a bidirectional module, where they differ from the forward's (ONNX allows it).
  public var reverseActivations: Activations?
  /// GRU: whether r multiplies W_hn h + b_hn (PyTorch, ONNX `linear_before_reset=1`) rather than h alone, before W_hn.
  public var resetAfter: Bool
  /// Inputs of the gate and candidate activations are clipped to ±clip (ONNX, as ONNX Runtime does it: an LSTM's cell state
  /// is not clipped on its way to h).
  public var clip: Double?
  /// LSTM: f is 1 − i (ONNX `input_forget`).
  public var inputForget: Bool
  /// LSTM: whether there are `weight_peephole` tensors.
  public var peephole: Bool
  /// Whether the parameters' names have no `_l0`, as those of `nn.LSTMCell` have none.
  public var isCell: Bool
  /// Whether the chain goes on with every step's output rather than the last one's alone, which has no time axis.
  public var returnsSequence: Bool
  /// Whether the model stores its own starting state in tensors `h0` and, for an LSTM, `c0`, each
  /// (layers·directions, hidden).
  public var hasInitialState: Bool

  public init(
    name: String, cell: Cell, inputSize: Int, hiddenSize: Int, numLayers: Int = 1, bias: Bool = true,
    direction: Direction = .forward, projSize: Int = 0, activations: Activations = Activations(),
    reverseActivations: Activations? = nil, resetAfter: Bool = true, clip: Double? = nil, inputForget: Bool = false,
    peephole: Bool = false, isCell: Bool = false, returnsSequence: Bool = true, hasInitialState: Bool = false
  ) {
    self.name = name
    self.cell = cell
    self.inputSize = inputSize
    self.hiddenSize = hiddenSize
    self.numLayers = numLayers
    self.bias = bias
    self.direction = direction
    self.projSize = projSize
    self.activations = activations
    self.reverseActivations = reverseActivations
    self.resetAfter = resetAfter
    self.clip = clip
    self.inputForget = inputForget
    self.peephole = peephole
    self.isCell = isCell
    self.returnsSequence = returnsSequence
    self.hasInitialState = hasInitialState
  }

  /// 2 for a bidirectional module, else 1.
  public var directionCount: Int { direction == .bidirectional ? 2 : 1 }
  /// Size of one direction's h: the projection's where there is one.
  public var stateSize: Int { projSize > 0 ? projSize : hiddenSize }
  /// Features of one step's output: both directions' h, concatenated.
  public var outputSize: Int { directionCount * stateSize }

  /// The activations of direction 0 (forward, or the only one) or 1.
  public func activations(direction: Int) -> Activations {
    direction == 1 ? reverseActivations ?? activations : activations
  }

  /// The module's parameters as PyTorch orders them, layer by layer, forward then reverse, with the shape of each.
  ///
  /// The sizes must have been validated; see `Model`.
  public var parameters: [(name: ParameterName, shape: [Int])] {
    var result: [(name: ParameterName, shape: [Int])] = []
    let rows = cell.gateCount * hiddenSize
    for layer in 0..<numLayers {
      for index in 0..<directionCount {
        func add(_ kind: ParameterName.Kind, _ shape: [Int]) {
          result.append((ParameterName(kind, layer: isCell ? nil : layer, isReverse: index == 1), shape))
        }
        add(.weightIH, [rows, layer == 0 ? inputSize : outputSize])
        add(.weightHH, [rows, stateSize])
        if bias {
          add(.biasIH, [rows])
          add(.biasHH, [rows])
        }
        if projSize > 0 { add(.weightHR, [projSize, hiddenSize]) }
        if peephole { add(.weightPeephole, [3 * hiddenSize]) }
      }
    }
    return result
  }
}

/// PyTorch's `nn.Linear`, y = W x + b, and what follows it.
public struct Linear: Sendable, Hashable {
  /// What follows W x + b.
  public enum Head: Sendable, Hashable {
    case elementwise(Activation)
    /// Over the features of a step.
    case softmax
    case logSoftmax
  }

  public var name: String
  public var inFeatures: Int
  public var outFeatures: Int
  public var bias: Bool
  public var activation: Head

  public init(
    name: String, inFeatures: Int, outFeatures: Int, bias: Bool = true,
    activation: Head = .elementwise(.identity)
  ) {
    self.name = name
    self.inFeatures = inFeatures
    self.outFeatures = outFeatures
    self.bias = bias
    self.activation = activation
  }
}

/// PyTorch's `nn.Embedding`: the row of `weight` that an integer names.
public struct Embedding: Sendable, Hashable {
  public var name: String
  public var numEmbeddings: Int
  public var embeddingDim: Int
  /// The index whose row was never trained; its stored row is used like any other.
  public var paddingIndex: Int?

  public init(name: String, numEmbeddings: Int, embeddingDim: Int, paddingIndex: Int? = nil) {
    self.name = name
    self.numEmbeddings = numEmbeddings
    self.embeddingDim = embeddingDim
    self.paddingIndex = paddingIndex
  }
}

/// Tensors that belong together under one name and that RNNKit cannot run.
public struct UnknownModule: Sendable, Hashable {
  public var name: String
  /// What the file calls its kind, such as Keras' `LayerNormalization`; nil where it does not say.
  public var className: String?
  /// Whole names in the archive.
  public var tensorNames: [String]

  public init(name: String, className: String? = nil, tensorNames: [String]) {
    self.name = name
    self.className = className
    self.tensorNames = tensorNames
  }
}

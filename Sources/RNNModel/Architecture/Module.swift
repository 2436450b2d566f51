/// What holds parameters under one name, or is applied under it.
public enum Module: Sendable, Hashable {
  /// An RNN, LSTM or GRU.
  case recurrent(Recurrent)
  /// A linear layer.
  case linear(Linear)
  /// A table of rows, looked up by index.
  case embedding(Embedding)
  /// A PReLU with weights of its own.
  case prelu(PReLU)
  /// A normalization.
  case norm(Norm)
  /// A convolution over time.
  case convolution(Convolution)
  /// A multi-head attention.
  case attention(MultiheadAttention)
  /// Tensors of something RNNKit carries but cannot run, such as a three-dimensional convolution.
  case unknown(UnknownModule)

  /// The module's name in the model it came from, which prefixes its parameters: `encoder.rnn`; may be empty.
  public var name: String {
    switch self {
    case .recurrent(let module): module.name
    case .linear(let module): module.name
    case .embedding(let module): module.name
    case .prelu(let module): module.name
    case .norm(let module): module.name
    case .convolution(let module): module.name
    case .attention(let module): module.name
    case .unknown(let module): module.name
    }
  }

  /// The same module under another name.
  package func named(_ name: String) -> Module {
    switch self {
    case .recurrent(var module):
      module.name = name
      return .recurrent(module)
    case .linear(var module):
      module.name = name
      return .linear(module)
    case .embedding(var module):
      module.name = name
      return .embedding(module)
    case .prelu(var module):
      module.name = name
      return .prelu(module)
    case .norm(var module):
      module.name = name
      return .norm(module)
    case .convolution(var module):
      module.name = name
      return .convolution(module)
    case .attention(var module):
      module.name = name
      return .attention(module)
    case .unknown(var module):
      module.name = name
      return .unknown(module)
    }
  }

  /// Whether it does the same with each position of a step, of as many channels as it has features.
  package var isChannelwise: Bool {
    switch self {
    case .norm(let norm): norm.kind == .batch || norm.kind == .group
    case .prelu: true
    default: false
    }
  }

  /// Features a step takes; 1 for an embedding's index, nil where it takes any or what it takes is unknown.
  public var inputSize: Int? {
    switch self {
    case .recurrent(let module): module.inputSize
    case .linear(let module): module.inFeatures
    case .embedding: 1
    case .norm(let module): module.features
    case .convolution(let module): module.across == nil ? module.inChannels : nil
    case .attention(let module): module.embedDim
    case .prelu, .unknown: nil
    }
  }

  /// Features a step gives; nil where they are as many as it takes, or unknown.
  public var outputSize: Int? {
    switch self {
    case .recurrent(let module): module.outputSize
    case .linear(let module): module.outFeatures
    case .embedding(let module): module.embeddingDim
    case .norm(let module): module.features
    case .convolution(let module): module.across == nil ? module.outChannels : nil
    case .attention(let module): module.embedDim
    case .prelu, .unknown: nil
    }
  }
}

/// A stack of recurrent layers of one kind and size: PyTorch's `nn.RNN`, `nn.LSTM` or `nn.GRU`, or one of their cells.
public struct Recurrent: Sendable, Hashable {
  /// What a layer computes at one step.
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

  /// The direction in which a recurrent module reads a sequence.
  public enum Direction: String, Sendable, Hashable {
    /// From the first step on, from the last one back, or both, whose outputs are joined.
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

  /// The module's name.
  public var name: String
  /// What a layer computes at one step.
  public var cell: Cell
  /// Features of the input.
  public var inputSize: Int
  /// Units of each layer and direction.
  public var hiddenSize: Int
  /// The number of layers.
  public var numLayers: Int
  /// Whether there are biases.
  public var bias: Bool
  /// The direction in which it reads a sequence.
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
  /// Whether the model stores its own starting state in tensors `h0` and, for an LSTM, `c0`, each
  /// (layers·directions, hidden).
  public var hasInitialState: Bool

  public init(
    name: String, cell: Cell, inputSize: Int, hiddenSize: Int, numLayers: Int = 1, bias: Bool = true,
    direction: Direction = .forward, projSize: Int = 0, activations: Activations = Activations(),
    reverseActivations: Activations? = nil, resetAfter: Bool = true, clip: Double? = nil, inputForget: Bool = false,
    peephole: Bool = false, isCell: Bool = false, hasInitialState: Bool = false
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
    self.hasInitialState = hasInitialState
  }

  /// 2 for a bidirectional module, else 1.
  public var directionCount: Int { direction == .bidirectional ? 2 : 1 }
  /// Size of one direction's h: the projection's where there is one.
  public var stateSize: Int { projSize > 0 ? projSize : hiddenSize }
  /// Features of one step's output: both directions' h, concatenated.
  public var outputSize: Int { directionCount * stateSize }

  /// What of the module none of torch.nn's classes computes: `hard_sigmoid gates`. Nil where the module's own class does.
  public var beyondTorch: String? {
    let kinds = [activations] + (reverseActivations.map { [$0] } ?? [])
    if cell == .rnn {
      if let other = kinds.map(\.candidate).first(where: { $0 != .tanh && $0 != .relu }) { return "the nonlinearity \(other.name)" }
      if kinds.contains(where: { $0.candidate != activations.candidate }) { return "a nonlinearity of its own for each direction" }
    } else {
      if let other = kinds.map(\.gate).first(where: { $0 != .sigmoid }) { return "\(other.name) gates" }
      if let other = kinds.map(\.candidate).first(where: { $0 != .tanh }) { return "the candidate activation \(other.name)" }
      if cell == .lstm, let other = kinds.map(\.output).first(where: { $0 != .tanh }) { return "the output activation \(other.name)" }
    }
    if direction == .reverse { return "a single direction that runs backwards" }
    if cell == .gru, !resetAfter { return "a GRU with reset_after false" }
    if clip != nil { return "clipped activations" }
    if inputForget { return "coupled input and forget gates" }
    if peephole { return "peepholes" }
    return nil
  }

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

/// PyTorch's `nn.Linear`, y = W x + b.
public struct Linear: Sendable, Hashable {
  /// The module's name.
  public var name: String
  /// Features of the input.
  public var inFeatures: Int
  /// Features of the output.
  public var outFeatures: Int
  /// Whether there is a bias.
  public var bias: Bool

  /// Makes a linear layer.
  public init(name: String, inFeatures: Int, outFeatures: Int, bias: Bool = true) {
    self.name = name
    self.inFeatures = inFeatures
    self.outFeatures = outFeatures
    self.bias = bias
  }
}

/// PyTorch's `nn.PReLU`: x below zero times `weight`, one number for all features or one for each.
public struct PReLU: Sendable, Hashable {
  /// The module's name.
  public var name: String
  /// 1 or the number of features.
  public var numParameters: Int

  public init(name: String, numParameters: Int = 1) {
    self.name = name
    self.numParameters = numParameters
  }
}

/// PyTorch's `nn.Embedding`: the row of `weight` that an integer names.
public struct Embedding: Sendable, Hashable {
  /// The module's name.
  public var name: String
  /// The number of rows; an index is less.
  public var numEmbeddings: Int
  /// The features of a row.
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
  /// The module's name.
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

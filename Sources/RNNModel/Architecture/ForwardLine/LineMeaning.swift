/// What an expression of a forward line stands for.
enum LineMeaning {
  case value(Forward.Value)
  /// A sequence that PyTorch has as (batch, features, time).
  case turned(Forward.Value)
  /// One of which the line does not tell whether PyTorch has it turned.
  case loose(Forward.Value)
  /// A recurrent module's call: its output where a value is wanted, output and states where it is taken apart.
  case call(Forward.Value)
  /// All states of an LSTM's call: h_n and c_n.
  case states(Forward.Value)
  /// All of h_n or of c_n, a state for each layer and direction.
  case state(Forward.Value, Forward.StateKind)
  case tuple([LineMeaning])
  case numbers([Double])
  /// No starting state, or one of zeros: `None`, `torch.zeros(…)`.
  case zeros
  /// What is computed from shapes and devices, and which no step needs.
  case size
}

/// What the line needs to know of a value to read PyTorch's axes.
struct LineShape {
  var hasTime: Bool
  /// Nil where nothing has told.
  var features: Int?
  /// Of each position of a step, where the features are positions that stand one after the other.
  var channels: Int?
  /// Numbers of the model, which have features alone.
  var isConstant = false
  /// Whether it comes of a module that cannot be run, so that it may have a time axis or not.
  var isOpen = false

  /// Axes in PyTorch.
  var rank: Int { hasTime ? 3 : isConstant ? 1 : 2 }
}

extension Forward {
  /// Reads the line of text that says what a model computes; see `Schemas/forward.md`.
  ///
  /// - Parameters:
  ///   - line: Steps as they stand in a PyTorch module's `forward`, or as `line(modules:)` prints them.
  ///   - modules: The architecture's modules, which the line calls by their names.
  ///   - batchFirst: Whether sequences are (batch, time, features) rather than (time, batch, features). It decides what
  ///     `out[:, -1]` is.
  ///   - calls: What the line calls that has no tensors: a Sequential, an activation's module.
  ///   - parameters: Whether the model has a tensor of that name that a step may use by itself.
  /// - Throws: `usage`, with line and column as the place.
  public init(
    line: String, modules: [Module], batchFirst: Bool, calls: [String: ModuleCall] = [:],
    parameters: (String) -> Bool = { _ in false }
  ) throws(RNNError) {
    let source = try LineSource(line)
    let syntax = try LineParser.parse(source)
    self = try withoutActuallyEscaping(parameters) { (parameters) throws(RNNError) -> Forward in
      var resolver = LineResolver(source, syntax, modules, calls, batchFirst, parameters)
      return try resolver.forward()
    }
  }
}

/// What an expression of a forward line stands for.
enum LineMeaning {
  case value(Forward.Value)
  /// A sequence that PyTorch has as (batch, features, time).
  case turned(Forward.Value)
  /// One of which the line does not tell whether PyTorch has it turned.
  case loose(Forward.Value)
  /// A value that PyTorch has with other axes.
  case plane(LinePlane)
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
  /// What is computed from shapes and devices, and which no step needs; a size where it is known.
  case size(LineExtent?)

  static var size: LineMeaning { .size(nil) }
}

/// What the line needs to know of a value to read PyTorch's axes.
struct LineShape {
  var hasTime: Bool
  /// Nil where nothing has told.
  var features: Int?
  /// Of each position of a step, where the features are positions that stand one after the other.
  var channels: Int?
  /// How many steps it has of the input's.
  var axis = TimeAxis()
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
    self = try Self.read(line, modules, batchFirst, calls, parameters).forward
  }

  /// Reads a line that is known to be printed, as that of a file is: what it is applied to are steps' features, whatever the axes of
  /// an input.
  package init(
    printed line: String, modules: [Module], batchFirst: Bool, parameters: (String) -> Bool
  ) throws(RNNError) {
    self = try Self.read(line, modules, batchFirst, [:], parameters, isPrinted: true).forward
  }

  /// Reads a line, and which of the Conv2d have time as their kernel's last axis by the axes of what they take.
  ///
  /// - Parameters:
  ///   - settled: The Conv2d of which that is known, so that a line that contradicts it is refused; nil for all of them.
  ///   - constants: Numbers that the file's module keeps under names of its own, `hidden_size`.
  static func read(
    _ line: String, _ modules: [Module], _ batchFirst: Bool, _ calls: [String: ModuleCall], _ parameters: (String) -> Bool,
    isPrinted: Bool = false, settled: Set<String>? = nil, constants: [String: Double] = [:]
  ) throws(RNNError) -> (forward: Forward, timeLast: Set<String>, notes: [Phrase]) {
    let source = try LineSource(line)
    let syntax = try LineParser.parse(source)
    return try withoutActuallyEscaping(parameters) { (parameters) throws(RNNError) in
      var resolver = LineResolver(source, syntax, modules, calls, batchFirst, parameters)
      (resolver.isPrinted, resolver.settled, resolver.constants) = (isPrinted, settled, constants)
      return (try resolver.forward(), resolver.timeLast, resolver.notes)
    }
  }
}

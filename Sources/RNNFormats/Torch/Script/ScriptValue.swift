/// An axis of a tensor, by what it counts.
enum ScriptAxis: Hashable {
  case batch, time, features
  /// One for each layer and direction of a recurrent module.
  case layers
  /// Of length 1, and nothing else.
  case one
  /// Batch and time as one axis; in memory's order.
  case merged(batchFirst: Bool)
}

/// A tensor that the forward computes: a step of the graph, and what axes PyTorch has its values on.
struct ScriptTensor {
  var step: Int
  var axes: [ScriptAxis]
  /// All states of a recurrent module's call, `hn` or `cn`, of so many layers and directions.
  var state: (kind: String, count: Int)?
  /// Whether the sequences are ordered by length.
  var isSorted = false
  /// A packed sequence, whose axes are those that it gets when it is unpacked.
  var isPacked = false
}

/// What an expression of TorchScript is, as far as a forward needs it. Lists and tuples are by number, so that none
/// contains another.
enum ScriptValue {
  case none
  case bool(Bool)
  case integer(Int)
  case float(Double)
  case string(String)
  /// A list or tuple.
  case sequence(Int)
  case dictionary([String], Int)
  case tensor(ScriptTensor)
  /// A module: its node in the pickle.
  case module(PickleGraph.Value)
  /// A tensor of the model's own.
  case parameter(String)
  case function([String])
  /// Zeros of any shape.
  case zeros
  /// An input that is a recurrent module's starting state, or a part of it.
  case startingState
  /// The length of an axis; nil where it is something computed from such lengths.
  case size(ScriptAxis?)
  /// Lengths of the sequences, or how many are at each step.
  case lengths
  /// Which sequence stands where when they are ordered by length, and the way back.
  case order, inverseOrder
  case constant([Double])
  /// A device, a type, text: what no value of the model depends on.
  case other
}

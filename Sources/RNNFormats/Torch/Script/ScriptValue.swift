import RNNModel

/// A tensor that the forward computes: a step of the graph, and what runs along each axis that PyTorch has its values on.
struct ScriptTensor {
  var step: Int
  var axes: [LineAxis]
  /// The order in which the features of a step stand in the step's value.
  var layout: LineAxis
  /// All states of a recurrent module's call, `hn` or `cn`, of so many layers and directions, which are the first axis.
  var state: (kind: String, count: Int)?
  /// Whether the sequences are ordered by length.
  var isSorted = false
  /// A packed sequence, whose axes are those that it gets when it is unpacked.
  var isPacked = false
  /// What stands around it in PyTorch and is none of its own numbers, which only a convolution takes.
  var padding: ScriptPadding?

  var plane: LinePlane {
    get { LinePlane(value: .step(step), axes: axes, layout: layout, isOwn: false) }
    set { (axes, layout) = (newValue.axes, newValue.layout) }
  }
  var hasTimeAxis: Bool { axes.contains { $0.contains(where: \.isTime) } }
  /// Whether an axis is that of layers and directions of all states.
  func isLayers(_ axis: Int) -> Bool { state != nil && axes[axis] == Self.layers(state?.count ?? 0) }
  static func layers(_ count: Int) -> LineAxis { [.features(-1, size: count)] }
  /// Whether the batch, the steps and the features are its axes.
  func isRows(batchFirst: Bool) -> Bool {
    axes.count == 3 && state == nil && axes[batchFirst ? 0 : 1] == [.batch] && axes[batchFirst ? 1 : 0].count == 1
      && axes[batchFirst ? 1 : 0][0].isTime && axes[2].allSatisfy(\.isFeatures)
  }
}

/// Padding by a value's own numbers, by PyTorch's axes from the last one on: before and after each.
struct ScriptPadding: Equatable {
  var mode: Convolution.Padding
  var sides: [Int]
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
  /// The length of an axis; nil where it is something computed from such lengths that is no product.
  case size(LineExtent?)
  /// Lengths of the sequences, or how many are at each step.
  case lengths
  /// Which sequence stands where when they are ordered by length, and the way back.
  case order, inverseOrder
  case constant([Double])
  /// A device, a type, text: what no value of the model depends on.
  case other
}

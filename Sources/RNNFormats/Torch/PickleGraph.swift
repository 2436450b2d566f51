import RNNModel

/// What a pickle describes, as plain data: nothing is made by calling anything.
///
/// Containers refer to each other by number, as pickles let them be shared and even contain themselves; whoever follows
/// the numbers must bound the walk.
struct PickleGraph {
  enum Value {
    case none
    case bool(Bool)
    case integer(Int)
    case float(Double)
    case string(String)
    case bytes([UInt8])
    /// `module.name`, one of those that were allowed.
    case global(String)
    /// The number of a node.
    case node(Int)
  }

  enum Node {
    case tuple([Value])
    /// A list or set: the number of its elements in `lists`.
    case list(Int)
    case set(Int)
    /// A `dict` or `OrderedDict`: the number of its entries in `dictionaries`.
    case dictionary(Int)
    /// A whole number of more than 64 bits, little-endian two's complement.
    case large([UInt8])
    /// What Python would get by calling a global.
    case call(String, arguments: [Value])
    /// An instance of a class, with what `BUILD` gave it.
    case object(String, arguments: [Value], state: Value?)
    /// What the file holds under this id, outside the pickle.
    case persistent(Value)
  }

  var nodes: [Node] = []
  /// Kept apart from the nodes so that they grow in place.
  var lists: [[Value]] = []
  /// In the pickle's order; a key may stand twice.
  var dictionaries: [[(key: Value, value: Value)]] = []
  var root = Value.none

  /// The node that a value is.
  func node(_ value: Value) -> Node? {
    if case .node(let index) = value, nodes.indices.contains(index) { nodes[index] } else { nil }
  }

  func tuple(_ value: Value) -> [Value]? {
    if case .tuple(let elements) = node(value) { elements } else { nil }
  }

  func list(_ value: Value) -> [Value]? {
    if case .list(let index) = node(value) { lists[index] } else { nil }
  }

  func dictionary(_ value: Value) -> [(key: Value, value: Value)]? {
    if case .dictionary(let index) = node(value) { dictionaries[index] } else { nil }
  }
}

extension PickleGraph.Value {
  var string: String? {
    switch self {
    case .string(let text): text
    // Python 2 wrote text as bytes.
    case .bytes(let bytes): String(validating: bytes, as: UTF8.self)
    default: nil
    }
  }

  var integer: Int? {
    if case .integer(let value) = self { value } else { nil }
  }

  var global: String? {
    if case .global(let name) = self { name } else { nil }
  }
}

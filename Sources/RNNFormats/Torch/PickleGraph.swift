import RNNModel

/// What a pickle describes, as plain data: nothing is made by calling anything.
///
/// An object of any class and the result of any call are records: the name, the arguments, and what was put into them.
/// Containers refer to each other by number, as pickles let them be shared and even contain themselves; whoever follows
/// the numbers must bound the walk.
struct PickleGraph {
  enum Value {
    case none
    case bool(Bool)
    case integer(Int)
    case float(Double)
    /// Text, and Python 2's byte strings where they are UTF-8.
    case string(String)
    /// Text of many bytes, as UTF-8.
    case text(TensorStorage)
    case bytes(TensorStorage)
    /// `module.name`: a class, a function, anything. Only a name.
    case global(String)
    /// The number of a node.
    case node(Int)
  }

  /// A part of `values`.
  struct Run {
    var start: Int32
    var count: Int32

    static let empty = Run(start: 0, count: 0)
    var range: Range<Int> { Int(start)..<Int(start) + Int(count) }
  }

  enum Node {
    case tuple(Run)
    /// A list or set: the number of its elements in `lists`.
    case list(Int32)
    case set(Int32)
    /// A `dict` or `OrderedDict`: the number of its entries in `dictionaries`.
    case dictionary(Int32)
    /// A whole number of more than 64 bits: the number of its bytes in `larges`, little-endian two's complement.
    case large(Int32)
    /// The number of a record in `records`.
    case record(Int32)
    /// What the file holds outside the pickle: where its id is in `values`.
    case persistent(Int32)
  }

  /// An object or the result of a call, which nobody made.
  struct Record {
    /// Of the class or function, in `names`.
    var name: Int32
    var arguments: Run
    /// What `BUILD` gave it: where in `values`.
    var state: Int32?
    /// What was appended to it, in `lists`.
    var elements: Int32?
    /// What was set in it, in `dictionaries`.
    var entries: Int32?
  }

  typealias Entry = (key: Value, value: Value)

  var nodes: [Node] = []
  var values: [Value] = []
  /// Kept apart from the nodes so that they grow in place.
  var lists: [[Value]] = []
  /// In the pickle's order; a key may stand twice.
  var dictionaries: [[Entry]] = []
  var larges: [[UInt8]] = []
  var records: [Record] = []
  var names: [String] = []
  var root = Value.none

  /// The node that a value is.
  func node(_ value: Value) -> Node? {
    if case .node(let index) = value, nodes.indices.contains(index) { nodes[index] } else { nil }
  }

  func tuple(_ value: Value) -> [Value]? {
    if case .tuple(let run) = node(value) { Array(values[run.range]) } else { nil }
  }

  /// A tuple's first two elements, without a copy of the rest.
  func firstTwo(_ value: Value) -> (Value, Value)? {
    guard case .tuple(let run) = node(value), run.range.count > 1 else { return nil }
    return (values[run.range.lowerBound], values[run.range.lowerBound + 1])
  }

  /// The elements of a list, or of an object of a class derived from it.
  func list(_ value: Value) -> [Value]? {
    switch node(value) {
    case .list(let index): lists[Int(index)]
    case .record(let index): records[Int(index)].elements.map { lists[Int($0)] }
    default: nil
    }
  }

  /// The entries of a dictionary, or of an object of a class derived from it.
  func dictionary(_ value: Value) -> [Entry]? {
    switch node(value) {
    case .dictionary(let index): dictionaries[Int(index)]
    case .record(let index): records[Int(index)].entries.map { dictionaries[Int($0)] }
    default: nil
    }
  }

  func large(_ value: Value) -> [UInt8]? {
    if case .large(let index) = node(value) { larges[Int(index)] } else { nil }
  }

  /// The id of something outside the pickle.
  func persistent(_ value: Value) -> Value? {
    if case .persistent(let index) = node(value) { values[Int(index)] } else { nil }
  }

  /// The class of an object, or the function that was called.
  func name(_ value: Value) -> String? {
    if case .record(let index) = node(value) { names[Int(records[Int(index)].name)] } else { nil }
  }

  /// The arguments of a call or of a class.
  func arguments(_ value: Value) -> [Value] {
    if case .record(let index) = node(value) { Array(values[records[Int(index)].arguments.range]) } else { [] }
  }

  /// What `BUILD` gave an object.
  func state(_ value: Value) -> Value? {
    if case .record(let index) = node(value), let state = records[Int(index)].state { values[Int(state)] } else { nil }
  }

  /// The attributes of an object: its state, where that is a dictionary, or the first part of one with slots.
  func attributes(_ value: Value) -> [Entry]? {
    guard let state = state(value) else { return nil }
    return dictionary(state) ?? tuple(state)?.first.flatMap(dictionary)
  }

  /// The value of an attribute.
  func attribute(_ name: String, of value: Value) -> Value? {
    attributes(value)?.last { $0.key.string == name }?.value
  }
}

extension PickleGraph.Value {
  var string: String? {
    switch self {
    case .string(let text): text
    // Python 3's bytes, as a few writers have for names.
    case .bytes(let bytes) where bytes.count <= Limits.maximumNameLength:
      bytes.withUnsafeBytes { String(validating: $0, as: UTF8.self) }
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

import RNNModel

/// Reads a pickle into a graph. It knows the opcodes of tensors and dictionaries, calls nothing and imports nothing: a
/// global is a name, allowed or refused.
struct PickleMachine {
  /// Whether a global, `module.name`, may stand in the pickle.
  private let allows: (String) -> Bool
  private let place: String
  private var reader: ByteReader
  private var graph = PickleGraph()
  private var stack: [PickleGraph.Value] = []
  private var marks: [Int] = []
  private var memo: [PickleGraph.Value?] = []
  private var valueCount = 0
  private var opcodeOffset = 0

  /// Reads one pickle from where `reader` stands, and leaves it after the pickle. `place` names the pickle in errors.
  static func run(
    _ reader: inout ByteReader, at place: String, allowing allows: @escaping (String) -> Bool
  ) throws(RNNError) -> PickleGraph {
    var machine = PickleMachine(reader, at: place, allowing: allows)
    let graph = try machine.run()
    reader = machine.reader
    return graph
  }

  private init(_ reader: ByteReader, at place: String, allowing allows: @escaping (String) -> Bool) {
    self.reader = reader
    self.place = place
    self.allows = allows
  }

  private func error(_ problem: String, _ remedy: String = "copy the file again, or save it again") -> RNNError {
    RNNError(.badData, place: "\(place), offset \(opcodeOffset)", problem, remedy: remedy)
  }

  private func tooMuch(_ what: String, _ limit: Int) -> RNNError {
    error("more than \(limit) \(what)", "save the model's state_dict alone")
  }

  private mutating func run() throws(RNNError) -> PickleGraph {
    for _ in 0..<Limits.maximumPickleSteps {
      opcodeOffset = reader.offset
      guard reader.remaining > 0 else { throw error("the pickle ends without STOP") }
      let byte = try byte()
      guard let opcode = PickleOpcode(rawValue: byte) else {
        throw error(
          "the opcode \(PickleOpcode.name(byte)), which is none of those of tensors and dictionaries",
          "save the model's state_dict alone with torch.save; nothing in this file was executed")
      }
      if opcode == .stop {
        guard stack.count == 1, marks.isEmpty, let root = stack.last else {
          throw error("STOP with \(stack.count) values on the stack, expected 1")
        }
        graph.root = root
        return graph
      }
      try step(opcode)
      if stack.count > Limits.maximumPickleMemoCount {
        throw tooMuch("values on the stack", Limits.maximumPickleMemoCount)
      }
    }
    throw tooMuch("opcodes", Limits.maximumPickleSteps)
  }

  private mutating func step(_ opcode: PickleOpcode) throws(RNNError) {
    switch opcode {
    case .stop: break
    case .proto:
      let version = try byte()
      guard (2...5).contains(version) else { throw error("pickle protocol \(version), expected 2 to 5") }
    case .frame: _ = try take(8)
    case .mark: marks.append(stack.count)
    case .none: stack.append(.none)
    case .newTrue: stack.append(.bool(true))
    case .newFalse: stack.append(.bool(false))
    case .binInt: stack.append(.integer(Int(try number() as Int32)))
    case .binInt1: stack.append(.integer(Int(try byte())))
    case .binInt2: stack.append(.integer(Int(try number() as UInt16)))
    case .long1: try long(count: Int(byte()))
    case .binFloat:
      let bits: UInt64 = try number()
      stack.append(.float(Double(bitPattern: bits.byteSwapped)))
    case .binUnicode: stack.append(.string(try text(count: Int(number() as UInt32))))
    case .shortBinUnicode: stack.append(.string(try text(count: Int(byte()))))
    case .shortBinString: stack.append(.bytes(Array(try take(Int(byte())))))
    case .emptyTuple: try push(.tuple([]))
    case .tuple: try push(.tuple(popMark()))
    case .tuple1, .tuple2, .tuple3: try push(.tuple(pop(Int(opcode.rawValue - 0x84))))
    case .emptyList:
      try push(.list(graph.lists.count))
      graph.lists.append([])
    case .emptyDict: try push([])
    case .emptySet:
      try push(.set(graph.lists.count))
      graph.lists.append([])
    case .append: try append(pop(1))
    case .appends, .addItems: try append(popMark())
    case .setItem: try set(pop(2))
    case .setItems: try set(popMark())
    case .global:
      let module = try line()
      try global(module, line())
    case .stackGlobal:
      let names = try pop(2)
      guard case .string(let module) = names[0], case .string(let name) = names[1] else {
        throw error("STACK_GLOBAL with names that are no text")
      }
      try global(module, name)
    case .reduce: try reduce()
    case .newObject:
      let values = try pop(2)
      guard case .global(let name) = values[0], let arguments = graph.tuple(values[1]) else {
        throw error("NEWOBJ of something that is no class")
      }
      try push(.object(name, arguments: arguments, state: nil))
    case .build: try build()
    case .binPersistentID: try push(.persistent(pop(1)[0]))
    case .binPut: try put(Int(byte()))
    case .longBinPut: try put(Int(number() as UInt32))
    case .memoize: try put(memo.count)
    case .binGet: try get(Int(byte()))
    case .longBinGet: try get(Int(number() as UInt32))
    }
  }

  // MARK: Bytes

  private mutating func take(_ count: Int) throws(RNNError) -> UnsafeRawBufferPointer {
    guard count <= reader.remaining else {
      throw error("the pickle ends inside an opcode: \(count) bytes expected, \(reader.remaining) left")
    }
    return try reader.take(count, "the pickle")
  }

  private mutating func byte() throws(RNNError) -> UInt8 { try take(1)[0] }

  private mutating func number<Value: FixedWidthInteger>() throws(RNNError) -> Value {
    Value(littleEndian: try take(MemoryLayout<Value>.size).loadUnaligned(as: Value.self))
  }

  private mutating func text(count: Int) throws(RNNError) -> String {
    guard let text = String(validating: try take(count), as: UTF8.self) else { throw error("text that is not UTF-8") }
    return text
  }

  /// The text up to the end of the line.
  private mutating func line() throws(RNNError) -> String {
    let rest = reader.bytes[reader.offset...].prefix(Limits.maximumNameLength + 1)
    guard let end = rest.firstIndex(of: 0x0A) else { throw error("a global's name without an end") }
    let text = try text(count: end - reader.offset)
    _ = try byte()
    return text
  }

  private mutating func long(count: Int) throws(RNNError) {
    let bytes = Array(try take(count))
    if count > 8 { return try push(.large(bytes)) }
    var value: UInt64 = bytes.last.map { $0 >= 0x80 ? .max : 0 } ?? 0
    for byte in bytes.reversed() { value = value << 8 | UInt64(byte) }
    stack.append(.integer(Int(Int64(bitPattern: value))))
  }

  // MARK: Stack

  /// The last `count` values, which may not reach below a mark.
  private mutating func pop(_ count: Int) throws(RNNError) -> [PickleGraph.Value] {
    guard stack.count - (marks.last ?? 0) >= count else {
      throw error("an opcode needs \(count) values, the stack has fewer")
    }
    let values = Array(stack.suffix(count))
    stack.removeLast(count)
    return values
  }

  private mutating func popMark() throws(RNNError) -> [PickleGraph.Value] {
    guard let mark = marks.popLast() else { throw error("an opcode needs a mark, the stack has none") }
    let values = Array(stack[mark...])
    stack.removeLast(values.count)
    return values
  }

  private mutating func push(_ node: PickleGraph.Node) throws(RNNError) {
    guard graph.nodes.count < Limits.maximumPickleNodeCount else {
      throw tooMuch("containers and objects", Limits.maximumPickleNodeCount)
    }
    switch node {
    case .tuple(let values), .call(_, let values), .object(_, let values, _): try count(values.count)
    default: break
    }
    stack.append(.node(graph.nodes.count))
    graph.nodes.append(node)
  }

  private mutating func count(_ count: Int) throws(RNNError) {
    valueCount += count
    guard valueCount <= Limits.maximumPickleValueCount else {
      throw tooMuch("elements in containers", Limits.maximumPickleValueCount)
    }
  }

  /// The number of the container on top of the stack.
  private func top() throws(RNNError) -> Int {
    guard stack.count > (marks.last ?? 0), case .node(let index) = stack.last else {
      throw error("an opcode needs a container, the stack has none")
    }
    return index
  }

  private mutating func append(_ values: [PickleGraph.Value]) throws(RNNError) {
    let top = try top()
    try count(values.count)
    switch graph.nodes[top] {
    case .list(let index), .set(let index): graph.lists[index].append(contentsOf: values)
    default: throw error("elements for something that is neither list nor set")
    }
  }

  /// Pushes a dictionary.
  private mutating func push(_ entries: [(key: PickleGraph.Value, value: PickleGraph.Value)]) throws(RNNError) {
    try count(2 * entries.count)
    try push(.dictionary(graph.dictionaries.count))
    graph.dictionaries.append(entries)
  }

  private mutating func set(_ values: [PickleGraph.Value]) throws(RNNError) {
    let top = try top()
    guard values.count.isMultiple(of: 2) else { throw error("a key without a value") }
    try count(values.count)
    guard case .dictionary(let index) = graph.nodes[top] else {
      throw error("keys and values for something that is no dictionary")
    }
    for pair in stride(from: 0, to: values.count, by: 2) {
      graph.dictionaries[index].append((values[pair], values[pair + 1]))
    }
  }

  // MARK: Memo

  private mutating func put(_ index: Int) throws(RNNError) {
    guard let value = stack.last else { throw error("nothing on the stack to remember") }
    guard index < Limits.maximumPickleMemoCount else {
      throw tooMuch("entries in the memo", Limits.maximumPickleMemoCount)
    }
    while memo.count <= index { memo.append(nil) }
    memo[index] = value
  }

  private mutating func get(_ index: Int) throws(RNNError) {
    guard memo.indices.contains(index), let value = memo[index] else {
      throw error("entry \(index) of the memo, which has none such")
    }
    stack.append(value)
  }

  // MARK: Objects

  private mutating func global(_ module: String, _ name: String) throws(RNNError) {
    // What Python 2 called it.
    let path = "\(module == "__builtin__" ? "builtins" : module).\(name)"
    guard allows(path) else {
      throw error(
        "the global \(path), which is none of those of tensors and dictionaries",
        "save the model's state_dict alone with torch.save; nothing in this file was executed")
    }
    stack.append(.global(path))
  }

  private mutating func reduce() throws(RNNError) {
    let values = try pop(2)
    guard case .global(let name) = values[0], let arguments = graph.tuple(values[1]) else {
      throw error("REDUCE of something that is no global")
    }
    guard name == "collections.OrderedDict" else { return try push(.call(name, arguments: arguments)) }
    var entries: [(key: PickleGraph.Value, value: PickleGraph.Value)] = []
    if let first = arguments.first {
      // Python 2 gives the pairs as a list of lists.
      guard arguments.count == 1, let pairs = graph.list(first) else {
        throw error("an OrderedDict of something that is no list of pairs")
      }
      for pair in pairs {
        guard let pair = graph.list(pair) ?? graph.tuple(pair), pair.count == 2 else {
          throw error("an OrderedDict of something that is no list of pairs")
        }
        entries.append((pair[0], pair[1]))
      }
    }
    try push(entries)
  }

  private mutating func build() throws(RNNError) {
    let state = try pop(1)[0]
    let index = try top()
    switch graph.nodes[index] {
    case .object(let name, let arguments, nil):
      graph.nodes[index] = .object(name, arguments: arguments, state: state)
    // The versions of modules that state_dict() hangs on its dictionary change no number.
    case .dictionary: break
    default: throw error("BUILD of something that takes no state")
    }
  }
}

import RNNModel

/// Reads a pickle of any protocol into a graph. It calls nothing and imports nothing: a global is a name, and what would be
/// made of it a record of its arguments.
struct PickleMachine {
  let place: String
  let source: TensorStorage
  var reader: ByteReader
  var graph = PickleGraph()
  var stack: [PickleGraph.Value] = []
  var marks: [Int] = []
  var memo: [PickleGraph.Value?] = []
  var names: [String: Int32] = [:]
  var emptyTuple: PickleGraph.Value?
  /// Of all that the pickle made so far.
  var memory = 0
  var largestStack = 0
  var opcodeOffset = 0

  /// Reads one pickle from where `reader` stands, and leaves it after the pickle. `source` is what the reader reads,
  /// `place` names the pickle in errors.
  static func run(
    _ reader: inout ByteReader, in source: TensorStorage, at place: String
  ) throws(RNNError) -> PickleGraph {
    var machine = PickleMachine(reader, source, place)
    let graph = try machine.run()
    reader = machine.reader
    return graph
  }

  private init(_ reader: ByteReader, _ source: TensorStorage, _ place: String) {
    (self.reader, self.source, self.place) = (reader, source, place)
  }

  func error(_ problem: String, _ remedy: String = "copy the file again, or save it again") -> RNNError {
    RNNError(.badData, place: "\(place), offset \(opcodeOffset)", problem, remedy: remedy)
  }

  func tooMuch(_ problem: String) -> RNNError {
    error("more than \(problem)", "save the model's tensors alone")
  }

  private mutating func run() throws(RNNError) -> PickleGraph {
    for _ in 0..<Limits.maximumPickleSteps {
      opcodeOffset = reader.offset
      guard reader.remaining > 0 else { throw error("the pickle ends without STOP") }
      let byte = try byte()
      guard let opcode = PickleOpcode(rawValue: byte) else {
        throw error("the byte \(byte), which is no opcode of a pickle")
      }
      if opcode == .stop {
        guard stack.count == 1, marks.isEmpty, let root = stack.last else {
          throw error("STOP with \(stack.count) values on the stack, expected 1")
        }
        graph.root = root
        return graph
      }
      try step(opcode)
      if stack.count > largestStack {
        try spend((stack.count - largestStack) * MemoryLayout<PickleGraph.Value>.stride)
        largestStack = stack.count
      }
    }
    throw tooMuch("\(Limits.maximumPickleSteps) opcodes")
  }

  private mutating func step(_ opcode: PickleOpcode) throws(RNNError) {
    switch opcode {
    case .stop: break
    case .proto:
      let version = try byte()
      guard version <= 5 else { throw error("pickle protocol \(version), expected 0 to 5") }
    case .frame: _ = try take(8)
    case .mark:
      try spend(MemoryLayout<Int>.stride)
      marks.append(stack.count)
    case .pop: if stack.count > (marks.last ?? 0) { stack.removeLast() } else { _ = try mark() }
    case .popMark: stack.removeLast(stack.count - (try mark()))
    case .duplicate: stack.append(try top())
    case .none: stack.append(.none)
    case .newTrue: stack.append(.bool(true))
    case .newFalse: stack.append(.bool(false))
    case .int, .long: try decimal(line())
    case .binInt: stack.append(.integer(Int(try number() as Int32)))
    case .binInt1: stack.append(.integer(Int(try byte())))
    case .binInt2: stack.append(.integer(Int(try number() as UInt16)))
    case .long1: try long(count: Int(byte()))
    case .long4: try long(count: Int(number() as UInt32))
    case .float:
      guard let value = Double(try text(line())) else { throw error("FLOAT of something that is no number") }
      stack.append(.float(value))
    case .binFloat:
      let bits: UInt64 = try number()
      stack.append(.float(Double(bitPattern: bits.byteSwapped)))
    case .string, .unicode, .binString, .shortBinString, .binUnicode, .shortBinUnicode, .binUnicode8, .binBytes,
      .shortBinBytes, .binBytes8, .byteArray8:
      try pushText(opcode)
    case .nextBuffer, .readOnlyBuffer:
      throw error(
        "a buffer that is not in the pickle (protocol 5, out of band)", "pickle it again without a buffer_callback")
    case .emptyTuple: try pushTuple(stack.count)
    case .tuple: try pushTuple(mark())
    case .tuple1, .tuple2, .tuple3: try pushTuple(first(of: Int(opcode.rawValue - 0x84)))
    case .emptyList: try pushList(stack.count)
    case .list: try pushList(mark())
    case .emptySet: try pushList(stack.count, isSet: true)
    case .frozenSet: try pushList(mark(), isSet: true)
    case .emptyDict: try pushDictionary([])
    case .dictionary:
      let start = try mark()
      let entries = try entries(start)
      stack.removeLast(stack.count - start)
      try pushDictionary(entries)
    case .append: try append(first(of: 1))
    case .appends, .addItems: try append(mark())
    case .setItem: try set(first(of: 2))
    case .setItems: try set(mark())
    case .persistentID:
      let id = try text(line())
      try spend(id.utf8.count)
      try push(.persistent(Int32(graph.values.count)), values: [.string(id)])
    case .binPersistentID:
      let id = try pop()
      try push(.persistent(Int32(graph.values.count)), values: [id])
    case .put: try put(index(line()))
    case .binPut: try put(Int(byte()))
    case .longBinPut: try put(Int(number() as UInt32))
    case .memoize: try put(memo.count)
    case .get: try get(index(line()))
    case .binGet: try get(Int(byte()))
    case .longBinGet: try get(Int(number() as UInt32))
    default: try object(opcode)
    }
  }

  private mutating func object(_ opcode: PickleOpcode) throws(RNNError) {
    switch opcode {
    case .global:
      let module = try text(line())
      stack.append(.global(try global(module, text(line()))))
    case .stackGlobal:
      let (name, module) = (try pop(), try pop())
      guard case .string(let module) = module, case .string(let name) = name else {
        throw error("STACK_GLOBAL with names that are no text")
      }
      stack.append(.global(try global(module, name)))
    case .extension1: stack.append(.global("copyreg.extension_\(try byte())"))
    case .extension2: stack.append(.global("copyreg.extension_\(try number() as UInt16)"))
    case .extension4: stack.append(.global("copyreg.extension_\(try number() as UInt32)"))
    case .reduce, .newObject:
      let (arguments, callee) = (try pop(), try pop())
      guard case .tuple(let run) = graph.node(arguments) else {
        throw error("\(opcode == .reduce ? "REDUCE" : "NEWOBJ") without a tuple of arguments")
      }
      try call(callee, run)
    case .newObjectWithKeywords:
      let (keywords, arguments, callee) = (try pop(), try pop(), try pop())
      guard case .tuple(let run) = graph.node(arguments), graph.dictionary(keywords) != nil else {
        throw error("NEWOBJ_EX without a tuple and a dictionary of arguments")
      }
      try call(callee, run)
    case .instance:
      let module = try text(line())
      let name = try global(module, text(line()))
      let start = try mark()
      let run = try store(start)
      try call(.global(name), run)
    case .object:
      let start = try mark()
      guard start < stack.count else { throw error("OBJ without a class") }
      let callee = stack.remove(at: start)
      let run = try store(start)
      try call(callee, run)
    case .build: try build()
    default: throw RNNError(.defect, place: place, "an opcode that nothing reads")
    }
  }
}

import RNNModel

/// Reads a pickle of any protocol into a graph. It calls nothing and imports nothing: a global is a name, and what would be
/// made of it a record of its arguments.
struct PickleMachine {
  private let place: String
  private let source: TensorStorage
  private var reader: ByteReader
  private var graph = PickleGraph()
  private var stack: [PickleGraph.Value] = []
  private var marks: [Int] = []
  private var memo: [PickleGraph.Value?] = []
  private var names: [String: Int32] = [:]
  private var emptyTuple: PickleGraph.Value?
  /// Of all that the pickle made so far.
  private var memory = 0
  private var largestStack = 0
  private var opcodeOffset = 0

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

  private func error(_ problem: String, _ remedy: String = "copy the file again, or save it again") -> RNNError {
    RNNError(.badData, place: "\(place), offset \(opcodeOffset)", problem, remedy: remedy)
  }

  private func tooMuch(_ problem: String) -> RNNError {
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

  // MARK: Bytes

  private mutating func take(_ count: Int) throws(RNNError) -> UnsafeRawBufferPointer {
    guard count >= 0, count <= reader.remaining else {
      throw error("the pickle ends inside an opcode: \(count) bytes expected, \(reader.remaining) left")
    }
    return try reader.take(count, "the pickle")
  }

  private mutating func byte() throws(RNNError) -> UInt8 { try take(1)[0] }

  private mutating func number<Value: FixedWidthInteger>() throws(RNNError) -> Value {
    Value(littleEndian: try take(MemoryLayout<Value>.size).loadUnaligned(as: Value.self))
  }

  private mutating func count8() throws(RNNError) -> Int {
    let count: UInt64 = try number()
    guard let count = Int(exactly: count) else { throw error("\(count) bytes, more than any file holds") }
    return count
  }

  /// The bytes up to the end of the line, whose end is taken too.
  private mutating func line() throws(RNNError) -> UnsafeRawBufferPointer {
    guard let end = reader.bytes[reader.offset...].firstIndex(of: 0x0A) else { throw error("a line without an end") }
    let bytes = try take(end - reader.offset)
    _ = try byte()
    return bytes
  }

  private func text(_ bytes: UnsafeRawBufferPointer) throws(RNNError) -> String {
    if let text = String(validating: bytes, as: UTF8.self) { return text }
    // Halves of surrogate pairs stand for bytes that are no text, as in the name of a file.
    guard zip(bytes, bytes.dropFirst()).contains(where: { $0 == 0xED && $1 >= 0xA0 }) else {
      throw error("text that is not UTF-8")
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  private mutating func pushText(_ opcode: PickleOpcode) throws(RNNError) {
    switch opcode {
    case .string:
      guard let bytes = PickleText.bytes(quoted: try line()) else { throw error("STRING without quotes or with a false escape") }
      try spend(bytes.count)
      let storage = TensorStorage(count: bytes.count) { $0.copyBytes(from: bytes) }
      try push(storage, isText: nil)
    case .unicode:
      guard let bytes = PickleText.utf8(rawUnicodeEscape: try line()) else { throw error("UNICODE with a false escape") }
      if bytes.count > Limits.maximumNameLength {
        let storage = try ScratchSpace.shared.storage(bytes.count) { (room) throws(RNNError) in
          room.bytes.copyBytes(from: bytes)
        }
        try push(storage, isText: true)
      } else {
        try spend(bytes.count)
        stack.append(.string(String(decoding: bytes, as: UTF8.self)))
      }
    case .binString: try pushText(Int(number() as UInt32), isText: nil)
    case .shortBinString: try pushText(Int(byte()), isText: nil)
    case .binUnicode: try pushText(Int(number() as UInt32), isText: true)
    case .shortBinUnicode: try pushText(Int(byte()), isText: true)
    case .binUnicode8: try pushText(count8(), isText: true)
    case .shortBinBytes: try pushText(Int(byte()), isText: false)
    case .binBytes: try pushText(Int(number() as UInt32), isText: false)
    default: try pushText(count8(), isText: false)
    }
  }

  private mutating func pushText(_ count: Int, isText: Bool?) throws(RNNError) {
    let start = reader.offset
    let bytes = try take(count)
    if isText == true, count <= Limits.maximumNameLength {
      // A short text stands in the value itself.
      if count > 15 { try spend(count + 32) }
      return stack.append(.string(try text(bytes)))
    }
    guard let storage = source.slice(at: start, count: count) else {
      throw RNNError(.defect, place: place, "bytes outside the pickle")
    }
    try push(storage, isText: isText)
  }

  /// Python 2's strings, of which it is not known whether they are text, are text where they are UTF-8.
  private mutating func push(_ bytes: TensorStorage, isText: Bool?) throws(RNNError) {
    // The storage itself, with what it keeps of the file.
    try spend(192)
    if isText == true { return stack.append(.text(bytes)) }
    if isText == nil, bytes.count <= Limits.maximumNameLength,
      let text = bytes.withUnsafeBytes({ String(validating: $0, as: UTF8.self) })
    {
      try spend(bytes.count)
      return stack.append(.string(text))
    }
    stack.append(.bytes(bytes))
  }

  private mutating func decimal(_ line: UnsafeRawBufferPointer) throws(RNNError) {
    var digits = try text(line)
    if digits == "00" || digits == "01" { return stack.append(.bool(digits == "01")) }
    if digits.hasSuffix("L") { digits.removeLast() }
    if let value = Int(digits) { return stack.append(.integer(value)) }
    guard digits.utf8.drop(while: { $0 == UInt8(ascii: "-") }).allSatisfy({ (48...57).contains($0) }), !digits.isEmpty
    else { throw error("INT or LONG of something that is no whole number") }
    // No number of a tensor's has so many digits.
    try push(.large(Int32(graph.larges.count)))
    graph.larges.append([])
  }

  private mutating func long(count: Int) throws(RNNError) {
    let bytes = try take(count)
    if count > 8 {
      try spend(count + 40)
      try push(.large(Int32(graph.larges.count)))
      return graph.larges.append(Array(bytes))
    }
    var value: UInt64 = bytes.last.map { $0 >= 0x80 ? .max : 0 } ?? 0
    for byte in bytes.reversed() { value = value << 8 | UInt64(byte) }
    stack.append(.integer(Int(Int64(bitPattern: value))))
  }

  private func index(_ line: UnsafeRawBufferPointer) throws(RNNError) -> Int {
    guard let index = Int(try text(line)), index >= 0 else { throw error("an entry of the memo that is no number") }
    return index
  }

  // MARK: Stack

  /// Counts what the pickle makes.
  private mutating func spend(_ bytes: Int) throws(RNNError) {
    memory += bytes
    guard memory <= Limits.maximumPickleMemory else {
      throw tooMuch("\(Limits.maximumPickleMemory >> 20) MiB of objects")
    }
  }

  /// Takes the last mark away: where its values start.
  private mutating func mark() throws(RNNError) -> Int {
    guard let mark = marks.popLast() else { throw error("an opcode needs a mark, the stack has none") }
    return mark
  }

  /// Where the last `count` values start, which may not reach below a mark.
  private func first(of count: Int) throws(RNNError) -> Int {
    guard stack.count - (marks.last ?? 0) >= count else {
      throw error("an opcode needs \(count) values, the stack has fewer")
    }
    return stack.count - count
  }

  private func top() throws(RNNError) -> PickleGraph.Value { stack[try first(of: 1)] }

  private mutating func pop() throws(RNNError) -> PickleGraph.Value { stack.remove(at: try first(of: 1)) }

  private mutating func push(_ node: PickleGraph.Node, values: [PickleGraph.Value] = []) throws(RNNError) {
    try spend(
      MemoryLayout<PickleGraph.Node>.stride + values.count * MemoryLayout<PickleGraph.Value>.stride)
    graph.values += values
    stack.append(.node(graph.nodes.count))
    graph.nodes.append(node)
  }

  /// Takes values off the stack and keeps them.
  private mutating func store(_ start: Int) throws(RNNError) -> PickleGraph.Run {
    let count = stack.count - start
    guard count > 0 else { return .empty }
    try spend(count * MemoryLayout<PickleGraph.Value>.stride)
    let run = PickleGraph.Run(start: Int32(graph.values.count), count: Int32(count))
    graph.values.append(contentsOf: stack[start...])
    stack.removeLast(count)
    return run
  }

  private mutating func pushTuple(_ start: Int) throws(RNNError) {
    if start == stack.count, let emptyTuple { return stack.append(emptyTuple) }
    let isEmpty = start == stack.count
    try push(.tuple(store(start)))
    if isEmpty { emptyTuple = stack.last }
  }

  private mutating func pushList(_ start: Int, isSet: Bool = false) throws(RNNError) {
    let index = try newList(stack[start...])
    stack.removeLast(stack.count - start)
    try push(isSet ? .set(index) : .list(index))
  }

  private mutating func newList(_ elements: ArraySlice<PickleGraph.Value>) throws(RNNError) -> Int32 {
    try spend(MemoryLayout<[Int]>.stride + Self.heap(elements.count, MemoryLayout<PickleGraph.Value>.stride))
    graph.lists.append(Array(elements))
    return Int32(graph.lists.count - 1)
  }

  private mutating func newDictionary(_ entries: [PickleGraph.Entry]) throws(RNNError) -> Int32 {
    try spend(MemoryLayout<[Int]>.stride + Self.heap(entries.count, MemoryLayout<PickleGraph.Entry>.stride))
    graph.dictionaries.append(entries)
    return Int32(graph.dictionaries.count - 1)
  }

  private mutating func pushDictionary(_ entries: [PickleGraph.Entry]) throws(RNNError) {
    try push(.dictionary(newDictionary(entries)))
  }

  /// What an array of so many elements takes, whose room doubles as it grows.
  private static func heap(_ count: Int, _ stride: Int) -> Int { count == 0 ? 0 : 32 + count * stride }

  private mutating func append(_ start: Int) throws(RNNError) {
    let count = stack.count - start
    guard start > (marks.last ?? 0) else { throw error("an opcode needs a container, the stack has none") }
    let list: Int32
    switch graph.node(stack[start - 1]) {
    case .list(let index), .set(let index): list = index
    case .record(let record): list = try elements(of: Int(record))
    default: throw error("elements for something that is neither list nor set")
    }
    let isFirst = graph.lists[Int(list)].isEmpty
    try spend(count * MemoryLayout<PickleGraph.Value>.stride + (isFirst ? 32 : 0))
    graph.lists[Int(list)].append(contentsOf: stack[start...])
    stack.removeLast(count)
  }

  private mutating func elements(of record: Int) throws(RNNError) -> Int32 {
    if let known = graph.records[record].elements { return known }
    let index = try newList([])
    graph.records[record].elements = index
    return index
  }

  private func entries(_ start: Int) throws(RNNError) -> [PickleGraph.Entry] {
    guard (stack.count - start).isMultiple(of: 2) else { throw error("a key without a value") }
    return stride(from: start, to: stack.count, by: 2).map { (stack[$0], stack[$0 + 1]) }
  }

  private mutating func set(_ start: Int) throws(RNNError) {
    guard start > (marks.last ?? 0) else { throw error("an opcode needs a container, the stack has none") }
    guard (stack.count - start).isMultiple(of: 2) else { throw error("a key without a value") }
    let dictionary: Int32
    switch graph.node(stack[start - 1]) {
    case .dictionary(let index): dictionary = index
    case .record(let record):
      if let known = graph.records[Int(record)].entries {
        dictionary = known
      } else {
        dictionary = try newDictionary([])
        graph.records[Int(record)].entries = dictionary
      }
    default: throw error("keys and values for something that is no dictionary")
    }
    let isFirst = graph.dictionaries[Int(dictionary)].isEmpty
    try spend((stack.count - start) * MemoryLayout<PickleGraph.Value>.stride + (isFirst ? 32 : 0))
    for pair in stride(from: start, to: stack.count, by: 2) {
      graph.dictionaries[Int(dictionary)].append((stack[pair], stack[pair + 1]))
    }
    stack.removeLast(stack.count - start)
  }

  // MARK: Memo

  private mutating func put(_ index: Int) throws(RNNError) {
    guard let value = stack.last else { throw error("nothing on the stack to remember") }
    if index >= memo.count {
      let (bytes, overflow) = (index - memo.count + 1)
        .multipliedReportingOverflow(by: MemoryLayout<PickleGraph.Value?>.stride)
      try spend(overflow || bytes > Limits.maximumPickleMemory ? Limits.maximumPickleMemory + 1 : bytes)
      while memo.count <= index { memo.append(nil) }
    }
    memo[index] = value
  }

  private mutating func get(_ index: Int) throws(RNNError) {
    guard memo.indices.contains(index), let value = memo[index] else {
      throw error("entry \(index) of the memo, which has none such")
    }
    stack.append(value)
  }

  // MARK: Objects

  /// The name of a global, as Python 3 has it.
  private mutating func global(_ module: String, _ name: String) throws(RNNError) -> String {
    guard module.utf8.count + name.utf8.count < Limits.maximumNameLength else {
      throw error("a global's name of more than \(Limits.maximumNameLength) bytes")
    }
    let path =
      switch module {
      case "__builtin__": "builtins.\(name)"
      case "copy_reg": "copyreg.\(name)"
      default: "\(module).\(name)"
      }
    return graph.names[Int(try intern(path))]
  }

  private mutating func intern(_ name: String) throws(RNNError) -> Int32 {
    if let known = names[name] { return known }
    try spend(name.utf8.count + 96)
    let index = Int32(graph.names.count)
    names[name] = index
    graph.names.append(name)
    return index
  }

  /// The name of what is called. Legacy files of whole modules hold the class outside the pickle, beside its source.
  private func name(of callee: PickleGraph.Value) throws(RNNError) -> String {
    switch callee {
    case .global(let name): return name
    case .node:
      if let id = graph.persistent(callee), let (kind, type) = graph.firstTwo(id), kind.string == "module" {
        return type.global ?? "?"
      }
      // The result of another call, as getattr's is.
      return "\(graph.name(callee) ?? "?")(…)"
    default: throw error("a call of something that is no class or function")
    }
  }

  private mutating func call(_ callee: PickleGraph.Value, _ arguments: PickleGraph.Run) throws(RNNError) {
    var name = try name(of: callee)
    var run = arguments
    var (base, filling): (String?, PickleGraph.Value?)
    // No slice of the values is held: they are appended to below, and would be copied each time.
    let (first, count) = (run.range.lowerBound, run.range.count)
    if name == "copyreg.__newobj__" || name == "copyreg.__newobj_ex__" || name == "copyreg._reconstructor", count > 0,
      let actual = graph.values[first].global
    {
      // The class stands first, for a reconstructor with the class that keeps its contents, and these.
      if name == "copyreg._reconstructor", count == 3 {
        (base, filling) = (graph.values[first + 1].global, graph.values[first + 2])
      }
      run = PickleGraph.Run(start: run.start + 1, count: run.count - 1)
      name = actual
    }
    if name == "collections.OrderedDict" || name == "builtins.dict" {
      return try pushDictionary(pairs(base == nil ? graph.values[run.range].first : filling, run.count))
    }
    try spend(MemoryLayout<PickleGraph.Record>.stride)
    var record = PickleGraph.Record(name: try intern(name), arguments: run)
    if let filling, base == "builtins.dict", let entries = graph.dictionary(filling) {
      record.entries = try newDictionary(entries)
    } else if let filling, base == "builtins.list", let elements = graph.list(filling) {
      record.elements = try newList(elements[...])
    }
    try push(.record(Int32(graph.records.count)))
    graph.records.append(record)
  }

  /// The entries that a dictionary is made of: another one, or pairs, which Python 2 gives as a list of lists.
  private func pairs(_ value: PickleGraph.Value?, _ count: Int32) throws(RNNError) -> [PickleGraph.Entry] {
    guard let value, count > 0 else { return [] }
    if let entries = graph.dictionary(value) { return entries }
    guard let pairs = graph.list(value) ?? graph.tuple(value) else {
      throw error("an OrderedDict of something that is no list of pairs")
    }
    var entries: [PickleGraph.Entry] = []
    for pair in pairs {
      guard let pair = graph.list(pair) ?? graph.tuple(pair), pair.count == 2 else {
        throw error("an OrderedDict of something that is no list of pairs")
      }
      entries.append((pair[0], pair[1]))
    }
    return entries
  }

  private mutating func build() throws(RNNError) {
    let state = try pop()
    let target = try top()
    switch graph.node(target) {
    case .record(let index):
      let name = graph.names[Int(graph.records[Int(index)].name)]
      if name.hasPrefix("joblib.") || name.contains(".joblib.") {
        throw error(
          "an array of joblib's (\(name)), whose bytes stand between the opcodes",
          "load it with joblib.load and save the arrays with numpy.savez")
      }
      try spend(MemoryLayout<PickleGraph.Value>.stride)
      graph.records[Int(index)].state = Int32(graph.values.count)
      graph.values.append(state)
    // The versions of modules that state_dict() hangs on its dictionary change no number.
    case .dictionary: break
    case nil:
      // What a class made at run time is given.
      guard case .global = target else { throw error("BUILD of something that takes no state") }
    default: throw error("BUILD of something that takes no state")
    }
  }
}

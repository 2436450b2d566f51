import RNNModel

// The stack, with its marks, what is made of the values on it, and the memo. All that is made counts against a limit.
extension PickleMachine {
  /// Counts what the pickle makes.
  mutating func spend(_ bytes: Int) throws(RNNError) {
    memory += bytes
    guard memory <= Limits.maximumPickleMemory else {
      throw tooMuch("\(Limits.maximumPickleMemory >> 20) MiB of objects")
    }
  }

  /// Takes the last mark away: where its values start.
  mutating func mark() throws(RNNError) -> Int {
    guard let mark = marks.popLast() else { throw error("an opcode needs a mark, the stack has none") }
    return mark
  }

  /// Where the last `count` values start, which may not reach below a mark.
  func first(of count: Int) throws(RNNError) -> Int {
    guard stack.count - (marks.last ?? 0) >= count else {
      throw error("an opcode needs \(count) values, the stack has fewer")
    }
    return stack.count - count
  }

  func top() throws(RNNError) -> PickleGraph.Value { stack[try first(of: 1)] }

  mutating func pop() throws(RNNError) -> PickleGraph.Value { stack.remove(at: try first(of: 1)) }

  mutating func push(_ node: PickleGraph.Node, values: [PickleGraph.Value] = []) throws(RNNError) {
    try spend(
      MemoryLayout<PickleGraph.Node>.stride + values.count * MemoryLayout<PickleGraph.Value>.stride)
    graph.values += values
    stack.append(.node(graph.nodes.count))
    graph.nodes.append(node)
  }

  /// Takes values off the stack and keeps them.
  mutating func store(_ start: Int) throws(RNNError) -> PickleGraph.Run {
    let count = stack.count - start
    guard count > 0 else { return .empty }
    try spend(count * MemoryLayout<PickleGraph.Value>.stride)
    let run = PickleGraph.Run(start: Int32(graph.values.count), count: Int32(count))
    graph.values.append(contentsOf: stack[start...])
    stack.removeLast(count)
    return run
  }

  mutating func pushTuple(_ start: Int) throws(RNNError) {
    if start == stack.count, let emptyTuple { return stack.append(emptyTuple) }
    let isEmpty = start == stack.count
    try push(.tuple(store(start)))
    if isEmpty { emptyTuple = stack.last }
  }

  mutating func pushList(_ start: Int, isSet: Bool = false) throws(RNNError) {
    let index = try newList(stack[start...])
    stack.removeLast(stack.count - start)
    try push(isSet ? .set(index) : .list(index))
  }

  mutating func newList(_ elements: ArraySlice<PickleGraph.Value>) throws(RNNError) -> Int32 {
    try spend(MemoryLayout<[Int]>.stride + Self.heap(elements.count, MemoryLayout<PickleGraph.Value>.stride))
    graph.lists.append(Array(elements))
    return Int32(graph.lists.count - 1)
  }

  mutating func newDictionary(_ entries: [PickleGraph.Entry]) throws(RNNError) -> Int32 {
    try spend(MemoryLayout<[Int]>.stride + Self.heap(entries.count, MemoryLayout<PickleGraph.Entry>.stride))
    graph.dictionaries.append(entries)
    return Int32(graph.dictionaries.count - 1)
  }

  mutating func pushDictionary(_ entries: [PickleGraph.Entry]) throws(RNNError) {
    try push(.dictionary(newDictionary(entries)))
  }

  /// What an array of so many elements takes, whose room doubles as it grows.
  static func heap(_ count: Int, _ stride: Int) -> Int { count == 0 ? 0 : 32 + count * stride }

  mutating func append(_ start: Int) throws(RNNError) {
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

  mutating func elements(of record: Int) throws(RNNError) -> Int32 {
    if let known = graph.records[record].elements { return known }
    let index = try newList([])
    graph.records[record].elements = index
    return index
  }

  func entries(_ start: Int) throws(RNNError) -> [PickleGraph.Entry] {
    guard (stack.count - start).isMultiple(of: 2) else { throw error("a key without a value") }
    return stride(from: start, to: stack.count, by: 2).map { (stack[$0], stack[$0 + 1]) }
  }

  mutating func set(_ start: Int) throws(RNNError) {
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

  mutating func put(_ index: Int) throws(RNNError) {
    guard let value = stack.last else { throw error("nothing on the stack to remember") }
    if index >= memo.count {
      let (bytes, overflow) = (index - memo.count + 1)
        .multipliedReportingOverflow(by: MemoryLayout<PickleGraph.Value?>.stride)
      try spend(overflow || bytes > Limits.maximumPickleMemory ? Limits.maximumPickleMemory + 1 : bytes)
      while memo.count <= index { memo.append(nil) }
    }
    memo[index] = value
  }

  mutating func get(_ index: Int) throws(RNNError) {
    guard memo.indices.contains(index), let value = memo[index] else {
      throw error("entry \(index) of the memo, which has none such")
    }
    stack.append(value)
  }
}

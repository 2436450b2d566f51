import RNNModel

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// The h of every layer of a plan's recurrent modules, and an LSTM's c: all that a step leaves for the next.
///
/// A value: a copy is unaffected by what is run on the original. Made by `Plan.state(batch:)`, or read from tensors.
public struct State: Sendable {
  let layout: StateLayout
  /// Rows, one for each sequence.
  public let batch: Int
  private var memory: AlignedMemory

  /// The type of its numbers.
  public var precision: Precision { layout.precision }
  /// The recurrent modules' names, in the chain's order.
  public var modules: [String] { layout.modules.map(\.name) }

  /// All zeros. Throws where memory does not suffice.
  init(_ layout: StateLayout, batch: Int) throws(RNNError) {
    self.layout = layout
    self.batch = batch
    memory = try AlignedMemory(reals: product(layout.count, batch), layout.precision)
    for context in layout.contexts {
      for row in 0..<batch { setNumbers(of: context, row, ContextNumbers(count: context.before, padding: max(0, context.before))) }
    }
  }

  /// The blocks, for reading.
  var base: UnsafeRawPointer { UnsafeRawPointer(memory.base) }

  /// The blocks, for writing; copies them first where another state shares them.
  mutating func makeMutable() throws(RNNError) -> UnsafeMutableRawPointer {
    if !isKnownUniquelyReferenced(&memory) {
      let copy = try AlignedMemory(byteCount: memory.byteCount)
      memcpy(copy.base, memory.base, memory.byteCount)
      memory = copy
    }
    return memory.base
  }

  /// A module's h as PyTorch's `h_n`: (layers·directions, batch, size). Nil for a name the chain has no recurrent
  /// module of.
  public func h(_ module: String) -> Tensor? {
    layout.modules.first { $0.name == module }.flatMap {
      tensor($0, $0.stateSize, $0.hStride) { $0.h($1, batch: batch) }
    }
  }

  /// An LSTM's c as PyTorch's `c_n`: (layers·directions, batch, hidden). Nil for other modules.
  public func c(_ module: String) -> Tensor? {
    layout.modules.first { $0.name == module && $0.hasCell }.flatMap {
      tensor($0, $0.hiddenSize, $0.cStride) { $0.c($1, batch: batch) }
    }
  }

  /// Sets a module's h from a float tensor (layers·directions, batch, size), or without the batch axis where the batch
  /// is 1. Throws for an unknown module and where shape or type do not fit.
  public mutating func setH(_ tensor: Tensor, _ module: String) throws(RNNError) {
    let found = try self.module(module)
    try set(tensor, "h", found, found.stateSize, found.hStride) { $0.h($1, batch: $2) }
  }

  /// Sets an LSTM's c from a float tensor (layers·directions, batch, hidden), or without the batch axis where the
  /// batch is 1.
  public mutating func setC(_ tensor: Tensor, _ module: String) throws(RNNError) {
    let found = try self.module(module)
    guard found.hasCell else {
      throw RNNError(.usage, place: "module \(module)", "it has no cell state c, only an LSTM has",
        remedy: "leave c0 out")
    }
    try set(tensor, "c", found, found.hiddenSize, found.cStride) { $0.c($1, batch: $2) }
  }

  private func module(_ name: String) throws(RNNError) -> StateLayout.Module {
    guard let module = layout.modules.first(where: { $0.name == name }) else {
      throw RNNError(.usage, place: "module \(name)", "the chain has no recurrent module of this name",
        remedy: "use one of \(modules.listed())")
    }
    return module
  }

  private func tensor(
    _ module: StateLayout.Module, _ size: Int, _ stride: Int, at start: (StateLayout.Module, Int) -> Int
  ) -> Tensor? {
    let real = precision.size
    return Shape([module.blockCount, batch, size]).flatMap { shape in
      Tensor(precision.elementType, shape) { bytes in
        guard let target = bytes.baseAddress else { return }
        for block in 0..<module.blockCount {
          for row in 0..<batch {
            let source = base + (start(module, block) + row * stride) * real
            (target + (block * batch + row) * size * real).copyMemory(from: source, byteCount: size * real)
          }
        }
      }
    }
  }

  private mutating func set(
    _ tensor: Tensor, _ letter: String, _ module: StateLayout.Module, _ size: Int, _ stride: Int,
    at start: (StateLayout.Module, Int, Int) -> Int
  ) throws(RNNError) {
    let shape = [module.blockCount, batch, size]
    let found = tensor.shape.dimensions
    guard found == shape || (batch == 1 && found == [module.blockCount, size]) else {
      throw RNNError(.badData, place: "\(letter)0 of module \(module.name)",
        "its shape is \(tensor.shape), expected (\(shape.map(String.init).joined(separator: ", ")))",
        remedy: "give (layers·directions, batch, size)")
    }
    guard tensor.elementType.isWeight else {
      throw RNNError(.badData, place: "\(letter)0 of module \(module.name)",
        "its type is \(tensor.elementType.rawValue), expected a float type", remedy: "convert it to float32")
    }
    let base = try makeMutable()
    func copy<R: Real>(_ type: R.Type) {
      for block in 0..<module.blockCount {
        for row in 0..<batch {
          let target = base.assumingMemoryBound(to: type) + start(module, block, batch) + row * stride
          tensor.copyReals(from: (block * batch + row) * size, count: size, to: target)
        }
      }
    }
    switch precision {
    case .float32: copy(Float.self)
    case .float64: copy(Double.self)
    }
  }

  /// Some of the rows, in any order: row i is what row `rows[i]` is here.
  func rows(_ rows: [Int]) throws(RNNError) -> State {
    var result = try State(layout, batch: rows.count)
    layout.copyRows(rows, from: base, of: batch, Array(rows.indices), to: try result.makeMutable(), of: rows.count)
    return result
  }

  /// Puts row i where row `rows[i]` is of a state of `batch` rows.
  func put(into target: UnsafeMutableRawPointer, batch: Int, as rows: [Int]) {
    layout.copyRows(Array(rows.indices), from: base, of: self.batch, rows, to: target, of: batch)
  }
}

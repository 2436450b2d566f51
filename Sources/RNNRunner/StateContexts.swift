import RNNModel

/// The three numbers of a row's context.
struct ContextNumbers {
  /// Steps that are left for the next window, less than 0 where so many are to be skipped.
  var count: Int
  /// How many of them, from the first, are padding.
  var padding: Int
  /// Where in the ring the first one is.
  var first = 0

  init(count: Int, padding: Int) { (self.count, self.padding) = (count, padding) }

  init(_ place: UnsafeRawPointer, _ precision: Precision) {
    func number(_ index: Int) -> Int {
      switch precision {
      case .float32: Int(place.load(fromByteOffset: index * 4, as: Float.self))
      case .float64: Int(place.load(fromByteOffset: index * 8, as: Double.self))
      }
    }
    (count, padding, first) = (number(0), number(1), number(2))
  }

  func store(to place: UnsafeMutableRawPointer, _ precision: Precision) {
    func store(_ number: Int, _ index: Int) {
      switch precision {
      case .float32: place.storeBytes(of: Float(number), toByteOffset: index * 4, as: Float.self)
      case .float64: place.storeBytes(of: Double(number), toByteOffset: index * 8, as: Double.self)
      }
    }
    store(count, 0)
    store(padding, 1)
    store(first, 2)
  }
}

/// What windows over time leave for the next run.
extension State {
  func numbers(of context: StateLayout.Context, _ row: Int) -> ContextNumbers {
    ContextNumbers(base + context.numbers(row, batch: batch) * precision.size, precision)
  }

  /// Only of memory that no other state shares.
  func setNumbers(of context: StateLayout.Context, _ row: Int, _ numbers: ContextNumbers) {
    numbers.store(to: UnsafeMutableRawPointer(mutating: base) + context.numbers(row, batch: batch) * precision.size, precision)
  }

  /// The number of the context, and what the steps in it are, of windows that do not all stand at the same step; nil where
  /// those of the rows that go on do.
  func unevenContext(_ rows: some Sequence<Int>) -> String? {
    for context in layout.contexts {
      var first: Int?
      for row in rows {
        let count = numbers(of: context, row).count
        if let first, first != count { return context.name }
        first = count
      }
    }
    return nil
  }

  /// Each window's context under its name: (1, batch, capacity·features + 2), the steps that are left one after the other from
  /// the first, places without one as zeros, then how many there are and how many of them are padding.
  var contexts: [NamedTensor] {
    layout.contexts.compactMap { context in
      let size = context.capacity * context.features + 2, real = precision.size
      return Shape([1, batch, size]).flatMap { shape in
        Tensor(precision.elementType, shape) { bytes in
          guard let target = bytes.baseAddress else { return }
          for row in 0..<batch {
            let source = base + (context.start * batch + row * context.stride) * real, numbers = numbers(of: context, row)
            for step in 0..<context.capacity {
              let place = target + (row * size + step * context.features) * real
              if step >= numbers.padding && step < numbers.count {
                let from = source + (numbers.first + step) % context.capacity * context.featureStride * real
                place.copyMemory(from: from, byteCount: context.features * real)
              } else {
                place.initializeMemory(as: UInt8.self, repeating: 0, count: context.features * real)
              }
            }
            (target + (row * size + size - 2) * real)
              .copyMemory(from: base + context.numbers(row, batch: batch) * real, byteCount: 2 * real)
          }
        }
      }.map { NamedTensor(Self.name(context), $0) }
    }
  }

  static func name(_ context: StateLayout.Context) -> String { Model.join(context.name, "context") }

  /// Sets a window's context from what `contexts` gave. Throws where shape, type or numbers are no window's.
  mutating func set(_ context: StateLayout.Context, _ tensor: Tensor) throws(RNNError) {
    let name = Self.name(context), size = context.capacity * context.features + 2
    func refuse(_ problem: String) -> RNNError {
      RNNError(.badData, place: name, problem, remedy: "give the state that an earlier run left, of the same model and batch")
    }
    guard tensor.shape.dimensions == [1, batch, size], tensor.elementType.isWeight else {
      throw refuse("its shape is \(tensor.shape) of \(tensor.elementType.rawValue), expected (1, \(batch), \(size)) of a float type")
    }
    let target = try makeMutable(), numbers = tensor.reals(Double.self)
    for row in 0..<batch {
      guard let count = Int(exactly: numbers[row * size + size - 2]), let padding = Int(exactly: numbers[row * size + size - 1]),
        (-Limits.maximumWindow...max(context.capacity, context.before)).contains(count), (0...max(0, count)).contains(padding),
        count <= context.capacity || padding == count
      else { throw refuse("row \(row) does not say how many steps it has") }
      func copy<R: Real>(_ type: R.Type) {
        let steps = target.assumingMemoryBound(to: type) + context.start * batch + row * context.stride
        for step in 0..<context.capacity {
          tensor.copyReals(from: row * size + step * context.features, count: context.features, to: steps + step * context.featureStride)
        }
      }
      switch precision {
      case .float32: copy(Float.self)
      case .float64: copy(Double.self)
      }
      setNumbers(of: context, row, ContextNumbers(count: count, padding: padding))
    }
  }
}

extension Plan {
  /// Steps of the first output that a run of so many gives: of windows with a stride those that are complete. 0 where a
  /// piece is too short for one.
  ///
  /// - Parameter state: What the run starts from; nil for `state(batch:)`.
  public func outputSteps(of steps: Int, after state: State? = nil) -> Int {
    guard let value = program.outputs.first, let axis = program.values[value].axis else { return steps }
    return self.steps(of: axis, in: steps, after: state)
  }

  /// Steps of a time axis in a run of so many, by its number, as a row of the state has them. A plan that is not streamable
  /// takes nothing from a state.
  func steps(of axis: Int, in steps: Int, after state: State?, row: Int = 0) -> Int {
    program.steps(of: axis, in: steps) { number in
      guard let state, layout.contexts.indices.contains(number), state.layout == layout, state.batch > row else {
        return program.windows[number].stage.window.before
      }
      return state.numbers(of: layout.contexts[number], row).count
    }
  }

  /// Refuses rows that do not stand at the same step of a window with a stride: a run gives all of them as many steps.
  func checkEven(_ state: State, _ rows: some Sequence<Int>) throws(RNNError) {
    guard let name = state.unevenContext(rows) else { return }
    throw RNNError(.usage, place: "state", "its rows stand at different steps of \(name), and a run gives each as many steps",
      remedy: "run rows together that were run together before")
  }
}

import RNNModel

/// Walks through what a pickle holds, breadth first, so that each thing is found by its shortest path, and once.
struct PickleSearch {
  /// Where a value stands: in another, under a key.
  private struct Place {
    var parent: Int32
    var depth: UInt8
    /// Whether it is reached through an object's attributes or arguments.
    var isInObject: Bool
    var key: PickleGraph.Value
    var value: PickleGraph.Value
  }

  private let objects: TorchObjects
  private let arrays: PickledArrays
  private var places: [Place]
  private var position = 0
  private var seen: [Bool]
  /// Whether something is nested too deep to be searched.
  private(set) var isCut = false
  /// Of the objects met, no tensors among them, in the order in which they were met.
  private(set) var classes: [String] = []
  private var graph: PickleGraph { objects.graph }

  init(_ objects: TorchObjects, _ arrays: PickledArrays) {
    (self.objects, self.arrays) = (objects, arrays)
    seen = [Bool](repeating: false, count: objects.graph.nodes.count)
    places = [Place(parent: -1, depth: 0, isInObject: false, key: .none, value: objects.graph.root)]
  }

  /// The next value to look at, and its number; the outermost has 0.
  mutating func next() -> (place: Int, value: PickleGraph.Value, isInObject: Bool)? {
    guard position < places.count else { return nil }
    defer { position += 1 }
    let place = places[position]
    return (position, place.value, place.isInObject)
  }

  /// Adds what a value holds.
  mutating func descend(_ value: PickleGraph.Value, from place: Int) {
    let isObject = graph.name(value) != nil
    if let name = graph.name(value), classes.count < 8, !classes.contains(name) { classes.append(name) }
    for (key, value) in graph.dictionary(value) ?? [] { add(value, under: key, in: place) }
    for (index, value) in (graph.list(value) ?? graph.tuple(value) ?? []).enumerated() {
      add(value, under: .integer(index), in: place)
    }
    guard isObject else { return }
    for (key, value) in graph.attributes(value) ?? [] { add(value, under: key, in: place, ofObject: true) }
    if let state = graph.state(value) { add(state, under: .none, in: place, ofObject: true) }
    for argument in graph.arguments(value) { add(argument, under: .none, in: place, ofObject: true) }
  }

  private mutating func add(
    _ value: PickleGraph.Value, under key: PickleGraph.Value, in parent: Int, ofObject: Bool = false
  ) {
    guard case .node(let index) = value, seen.indices.contains(index), !seen[index], !objects.isTensor(value),
      !arrays.isArray(value)
    else { return }
    guard places[parent].depth < Limits.maximumDepth else {
      isCut = true
      return
    }
    seen[index] = true
    places.append(
      Place(
        parent: Int32(parent), depth: places[parent].depth + 1, isInObject: ofObject || places[parent].isInObject,
        key: key, value: value))
  }

  /// `model.state_dict`, as options take it; the outermost is `.`.
  func name(_ place: Int) -> String {
    var parts: [String] = []
    var current = place
    while current > 0 {
      let key = places[current].key
      parts.append(key.string ?? key.integer.map(String.init) ?? "?")
      current = Int(places[current].parent)
    }
    return place == 0 ? "." : parts.reversed().joined(separator: ".")
  }

  /// `['model']['state_dict']`, for people.
  func path(_ place: Int) -> String {
    var parts: [String] = []
    var place = place
    while place > 0 {
      let key = places[place].key
      if let name = key.string {
        parts.append("['\(name)']")
      } else if let number = key.integer {
        parts.append("[\(number)]")
      }
      place = Int(places[place].parent)
    }
    return parts.reversed().joined()
  }
}

/// PyTorch's axes: `view`, `permute`, `flatten` and the like, by what runs along each axis.
extension LineResolver {
  /// What moves axes, with the names of PyTorch's arguments behind the value.
  static let axisWords: [String: [String]] = [
    "unsqueeze": ["dim"], "squeeze": ["dim"], "flatten": ["start_dim", "end_dim"], "unflatten": ["dim", "sizes"], "permute": ["dims"],
    "transpose": ["dim0", "dim1"], "swapaxes": ["axis0", "axis1"], "swapdims": ["dim0", "dim1"], "movedim": ["source", "destination"],
    "view": ["size"], "reshape": ["shape"],
  ]

  // MARK: Values and their axes

  /// An input with the axes that the line says, or a plain value where these are its own.
  mutating func plane(of value: Forward.Value, _ axes: [Forward.Input.Axis]) -> LineMeaning {
    var plane = LinePlane(value: value, axes: [], layout: [], isOwn: true)
    for axis in axes {
      switch axis {
      case .batch: plane.axes.append([.batch])
      case .time: plane.axes.append([.time(TimeAxis())])
      case .size(1): plane.axes.append([])
      case .size(let size):
        let atom = LineAtom.features(nextAtom(), size: size)
        plane.axes.append([atom])
        plane.layout.append(atom)
      }
    }
    return axes.count == 3 && isRows(plane) ? .value(value) : .plane(plane)
  }

  /// A value's axes in PyTorch; nil where it has none, or nothing tells them.
  mutating func plane(_ meaning: LineMeaning) -> LinePlane? {
    let isTurned = if case .turned = meaning { true } else { false }
    switch meaning {
    case .plane(let plane): return plane
    case .value(let value), .call(let value), .turned(let value):
      let shape = shape(value)
      guard !shape.isConstant, !shape.isOpen, !isPrinted else { return nil }
      let features: LineAxis = switch shape.features {
      case 1?: []
      case let size?: [.features(nextAtom(), size: size)]
      case nil: [.open(value)]
      }
      let time: LineAxis = [.time(shape.axis)]
      let axes: [LineAxis] = !shape.hasTime ? [[.batch], features]
        : isTurned ? [[.batch], features, time] : batchFirst ? [[.batch], time, features] : [time, [.batch], features]
      return LinePlane(value: value, axes: axes, layout: features, isOwn: false)
    default: return nil
    }
  }

  /// Whether the axes are those of a plain value.
  private func isRows(_ plane: LinePlane) -> Bool {
    guard plane.axes.last?.allSatisfy(\.isFeatures) ?? false else { return false }
    let leading = Array(plane.axes.dropLast())
    guard plane.hasTime else { return leading == [[.batch]] }
    guard leading.count == 2, leading.contains([.batch]) else { return false }
    return leading[batchFirst ? 0 : 1] == [.batch] && leading[batchFirst ? 1 : 0].count == 1
  }

  /// A plain value where the axes are those of one, with its features in their order, or a turned one.
  mutating func settled(_ plane: LinePlane, _ node: Int) throws(RNNError) -> LineMeaning {
    if isRows(plane) { return .value(try arranged(plane, plane.axes[plane.axes.count - 1], node)) }
    if plane.axes.count == 3, plane.axes[0] == [.batch], plane.axes[2].count == 1, plane.axes[2][0].isTime {
      return .turned(try arranged(plane, plane.axes[1], node))
    }
    return .plane(plane)
  }

  /// What goes out: in the layout of a run, with a note where PyTorch's has its axes in another order.
  mutating func outgoing(_ meaning: LineMeaning, _ node: Int) throws(RNNError) -> Forward.Value {
    var axes: String, value: Forward.Value
    switch meaning {
    case .turned(let turned):
      use(turned, asStateOrLength: false)
      (axes, value) = ("(batch, features, time)", turned)
    case .plane(let plane) where !plane.isOwn && plane.axes.count >= 2:
      let features = plane.axes.filter { $0 != [.batch] && !($0.count == 1 && $0[0].isTime) }
      guard plane.axes.count(where: { $0 == [.batch] }) == 1, plane.axes.count - features.count <= 2, features.allSatisfy({ $0.allSatisfy(\.isFeatures) }) else {
        return try self.value(meaning, node)
      }
      (axes, value) = (plane.description, try arranged(plane, features.flatMap { $0 }, node))
    default: return try self.value(meaning, node)
    }
    let layout = shape(value).hasTime ? batchFirst ? "(batch, time, features)" : "(time, batch, features)" : "(batch, features)"
    notes.append("the forward gives \(axes), and a run \(layout), the same numbers in another order")
    return value
  }

  /// The value with a step's features in another order of the axes.
  mutating func arranged(_ plane: LinePlane, _ order: LineAxis, _ node: Int) throws(RNNError) -> Forward.Value {
    use(plane.value, asStateOrLength: false)
    switch plane.interleaving(to: order) {
    case 1?: return plane.value
    case let parts?: return try add(.interleave(parts), [plane.value], at: node)
    case nil: break
    }
    throw source.error(offset(node), "\(text(node)) puts a step's features in an order that RNNKit has no step for",
      "end the line before it and compute the rest outside of the model")
  }

  /// A plane with its features in an order.
  mutating func arranging(_ plane: LinePlane, _ order: LineAxis, _ node: Int) throws(RNNError) -> LinePlane {
    var result = plane
    result.value = try arranged(plane, order, node)
    result.layout = order
    return result
  }

  /// What of a step's features is not on an axis, in its order.
  func rest(_ plane: LinePlane, without axis: LineAxis) -> LineAxis { plane.rest(without: axis) }

  /// The number of an axis, from the end where it is negative.
  func axisIndex(_ node: Int, _ count: Int) -> Int? {
    guard let number = integer(node), (-count..<count).contains(number) else { return nil }
    return number < 0 ? number + count : number
  }

  /// The sizes of a value's axes as PyTorch has them; nil where nothing tells them.
  mutating func sizes(_ meaning: LineMeaning) -> [LineMeaning]? {
    guard let plane = plane(meaning), !plane.axes.isEmpty else { return nil }
    return plane.axes.map { .size(LineExtent($0)) }
  }

  // MARK: Moving axes

  /// The value with its axes moved; nil where it has none that are known.
  mutating func moved(
    _ word: String, _ meaning: LineMeaning, _ arguments: [LineSyntax.Argument], _ node: Int
  ) throws(RNNError) -> LineMeaning? {
    guard let names = Self.axisWords[word], var plane = plane(meaning) else { return nil }
    guard !plane.axes.isEmpty else {
      throw source.error(offset(node), "\(text(node)) moves axes, and nothing tells those of the input",
        "begin with the input's axes as it has them, such as x(batch, 1, time, 32) -> _")
    }
    let count = plane.axes.count
    var given: [String: Int] = [:], all: [Int] = []
    for (position, argument) in arguments.enumerated() {
      if let keyword = argument.keyword { given[keyword] = argument.value } else {
        if position < names.count { given[names[position]] = argument.value }
        all.append(argument.value)
      }
    }
    /// Several whole numbers, one after the other or in one tuple.
    func list(_ name: String) -> [Int] {
      guard let first = given[name] else { return [] }
      switch syntax.nodes[first].kind {
      case .list(let parts), .tuple(let parts): return parts
      default: return arguments.allSatisfy { $0.keyword == nil } ? all : [first]
      }
    }
    func refuse(_ remedy: String) -> RNNError {
      source.error(offset(node), "\(text(node)) does not fit the axes \(plane.description)", remedy)
    }
    switch word {
    case "unsqueeze":
      guard let dim = given["dim"], let index = axisIndex(dim, count + 1), count < 8 else { throw refuse("write an axis from 0 to \(count)") }
      plane.axes.insert([], at: index)
    case "squeeze":
      guard let dim = given["dim"], let index = axisIndex(dim, count) else { throw refuse("say which axis, as squeeze(2)") }
      if plane.axes[index].isEmpty {
        plane.axes.remove(at: index)
      } else if plane.axes[index].contains(where: { $0.size == nil }) {
        throw refuse("leave squeeze out where the axis may be longer than 1; axis \(index) is not known to be 1")
      }
    case "flatten":
      let start = try given["start_dim"].map { (dim) throws(RNNError) -> Int in
        guard let index = axisIndex(dim, count) else { throw refuse("write an axis from 0 to \(count - 1)") }
        return index
      } ?? 0
      let end = try given["end_dim"].map { (dim) throws(RNNError) -> Int in
        guard let index = axisIndex(dim, count) else { throw refuse("write an axis from 0 to \(count - 1)") }
        return index
      } ?? count - 1
      guard start <= end else { throw refuse("write the first axis and the last one to be joined") }
      plane.axes.replaceSubrange(start...end, with: [plane.axes[start...end].flatMap { $0 }])
    case "permute":
      let order = list("dims").map { axisIndex($0, count) ?? -1 }
      guard order.sorted() == Array(0..<count) else { throw refuse("name each of its \(count) axes once") }
      plane.axes = order.map { plane.axes[$0] }
    case "movedim":
      guard let from = given["source"].flatMap({ axisIndex($0, count) }), let to = given["destination"].flatMap({ axisIndex($0, count) }) else {
        throw refuse("write two axes from 0 to \(count - 1)")
      }
      plane.axes.insert(plane.axes.remove(at: from), at: to)
    case "transpose", "swapaxes", "swapdims":
      let pair = names.compactMap { given[$0].flatMap { axisIndex($0, count) } }
      guard pair.count == 2 else { throw refuse("write two axes from 0 to \(count - 1)") }
      plane.axes.swapAt(pair[0], pair[1])
    case "unflatten":
      guard let dim = given["dim"], let index = axisIndex(dim, count), let sizes = given["sizes"] else { throw refuse("write an axis and its sizes, unflatten(1, (2, 8))") }
      guard case .tuple(let parts) = syntax.nodes[sizes].kind.asTuple else { throw refuse("write an axis and its sizes, unflatten(1, (2, 8))") }
      try reshape(&plane, index..<index + 1, parts, node)
    default:
      try reshape(&plane, 0..<count, list(names[0]), node)
    }
    plane.isOwn = false
    return try settled(plane, node)
  }

  /// Gives some of the axes other sizes, of which one may be -1, as `view` does: numbers stay in their order.
  private mutating func reshape(_ plane: inout LinePlane, _ range: Range<Int>, _ parts: [Int], _ node: Int) throws(RNNError) {
    let taken = plane.description
    func refuse() -> RNNError {
      source.error(offset(node), "\(text(node)) does not fit the axes \(taken): it would put others next to each other than the data has, or a size is not known",
        "write sizes taken of the value itself, as b, c, t, f = a.shape and a.reshape(b, t, c * f) where the axes stand in this order; move them with permute before")
    }
    var wanted: [LineExtent?] = [], isOpen = false
    for part in parts {
      if integer(part) == -1 {
        guard !isOpen else { throw refuse() }
        isOpen = true
        wanted.append(nil)
      } else if let number = integer(part), number >= 1 {
        wanted.append(LineExtent(number))
      } else if case .size(let extent?) = try meaning(part) {
        wanted.append(extent)
      } else {
        throw refuse()
      }
    }
    guard wanted.count <= 8 else { throw refuse() }
    guard plane.reshape(range, wanted, &atomCount) else { throw refuse() }
  }

  // MARK: Parts

  /// Steps and features of a value with axes of its own: `a[:, :, 0]`, `a[:, 1:3]`, `a[:, None]`.
  mutating func element(
    ofPlane taken: LinePlane, _ indices: [LineSyntax.Index], _ base: Int, _ node: Int
  ) throws(RNNError) -> LineMeaning {
    var plane = taken
    func refuse(_ remedy: String? = nil) -> RNNError {
      source.error(offset(node), "\(text(node)) is no part of \(text(base)), with axes \(taken.description), that a line has",
        remedy ?? "take a part of the features or a step where the value is (batch, time, features)")
    }
    guard !plane.axes.isEmpty else {
      throw source.error(offset(node), "\(text(node)) takes a part of an axis, and nothing tells those of the input",
        "begin with the input's axes as it has them, such as x(batch, 1, time, 32) -> _")
    }
    // Both are meant by such a part: PyTorch's last axis, and a step's features as the line itself has them.
    if plane.isOwn, plane.axes.last != plane.layout, indices.count == 2, case .ellipsis = indices[0], case .cut(_, let upper?) = indices[1],
      integer(upper) ?? -1 >= 0
    {
      throw refuse("move the axes to (batch, time, features) before it, as a.permute(0, 2, 1, 3).flatten(2)")
    }
    let problem = refuse()
    func isNew(_ index: LineSyntax.Index) -> Bool { if case .at(let value) = index { text(value) == "None" } else { false } }
    var wanted = indices
    let ellipses = wanted.indices.filter { if case .ellipsis = wanted[$0] { true } else { false } }
    let missing = plane.axes.count - (wanted.count { !isNew($0) } - ellipses.count)
    guard ellipses.count <= 1, missing >= 0 else { throw refuse() }
    let whole = [LineSyntax.Index](repeating: .cut(nil, nil), count: missing)
    if let ellipsis = ellipses.first { wanted.replaceSubrange(ellipsis...ellipsis, with: whole) } else { wanted += whole }
    var axis = 0
    for index in wanted {
      if isNew(index) {
        plane.axes.insert([], at: axis)
        axis += 1
        continue
      }
      switch index {
      case .ellipsis, .cut(nil, nil): axis += 1
      case .at(let number):
        guard let number = integer(number) else { throw refuse() }
        if plane.axes[axis].isEmpty {
          guard number == 0 || number == -1 else { throw refuse() }
        } else if plane.axes[axis].count == 1, plane.axes[axis][0].isTime {
          plane.value = try add(.select(number == 0 ? .first : .at(number)), [plane.value], at: node)
        } else {
          try slice(&plane, axis, from: number, to: nil, node, problem)
        }
        plane.axes.remove(at: axis)
      case .cut(let lower, let upper):
        if plane.axes[axis].count == 1, case .time(let time) = plane.axes[axis][0] {
          guard let cut = cut(lower, upper) else { throw refuse() }
          let window = TimeWindow(size: 1, before: cut.before, after: cut.after)
          guard window.isSound, let next = time.under(window) else { throw refuse() }
          plane.value = try add(.window(.join, window), [plane.value], at: node)
          plane.axes[axis] = [.time(next)]
        } else {
          guard let from = lower.map({ integer($0) }) ?? 0, let size = LineExtent(plane.axes[axis])?.whole, let to = upper.map({ integer($0) }) ?? size else { throw refuse() }
          try slice(&plane, axis, from: from, to: to, node, problem)
        }
        axis += 1
      }
    }
    // As the line itself has it, which is another part where an axis is one of several.
    plane.isOwn = taken.isOwn && taken.axes.last == taken.layout
    return try settled(plane, node)
  }

  /// Features of an axis; one of them where `to` is nil.
  private mutating func slice(
    _ plane: inout LinePlane, _ axis: Int, from: Int, to: Int?, _ node: Int, _ problem: RNNError
  ) throws(RNNError) {
    let atoms = plane.axes[axis]
    guard atoms.allSatisfy({ $0.size != nil }), let size = LineExtent(atoms)?.whole else { throw problem }
    func bound(_ number: Int) -> Int { min(size, max(0, number < 0 ? number + size : number)) }
    guard to != nil || (-size..<size).contains(from) else { throw problem }
    let start = bound(from), end = to.map(bound) ?? start + 1
    guard start < end else { throw problem }
    if end - start == size { return }
    let rest = rest(plane, without: atoms)
    guard let each = LineExtent(rest)?.whole else { throw problem }
    plane = try arranging(plane, atoms + rest, node)
    plane.value = try add(.slice(start * each..<end * each), [plane.value], at: node)
    let left: LineAxis = end - start == 1 ? [] : [.features(nextAtom(), size: end - start)]
    plane.axes[axis] = left
    plane.layout = left + rest
  }

  // MARK: Several values

  /// Two values of the same axes, the second with its features in the first's order; nil where their sizes differ.
  mutating func aligned(_ plane: LinePlane, to first: LinePlane, _ node: Int) throws(RNNError) -> LinePlane? {
    guard let names = plane.names(as: first) else { return nil }
    var result = plane
    result.axes = first.axes
    result.layout = plane.layout.map { names[$0] ?? $0 }
    return try arranging(result, first.layout, node)
  }

  /// Arithmetic of values of which one has axes of its own; nil where all are read as a step's features.
  mutating func together(
    planes parts: [(meaning: LineMeaning, node: Int)], _ body: (inout LineResolver, [Forward.Value]) throws(RNNError) -> Forward.Value
  ) throws(RNNError) -> LineMeaning? {
    guard let index = parts.firstIndex(where: { if case .plane = $0.meaning { true } else { false } }), var first = plane(parts[index].meaning) else { return nil }
    var values: [Forward.Value] = []
    for (meaning, node) in parts {
      if case .plane(let other) = meaning {
        if first.axes.isEmpty, other.axes.isEmpty {
          values.append(other.value)
        } else if let same = try aligned(other, to: first, node) {
          values.append(same.value)
          first.isOwn = first.isOwn && same.isOwn
        } else if first.isOwn, other.isOwn {
          return nil
        } else {
          throw source.error(offset(node), "\(text(node)) has the axes \(other.description), and what it is beside \(first.description)",
            "give both the same axes")
        }
        use(other.value, asStateOrLength: false)
        continue
      }
      if first.isOwn {
        // What stands beside is not moved either.
        let value = try value(meaning, node)
        guard shape(value).features == 1, !shape(value).hasTime else { return nil }
        values.append(value)
        continue
      }
      let value = try value(meaning, node)
      if let tiled = try tiled(value, over: &first, node) {
        values.append(tiled)
        // It may be moved, so that what was taken before has another order.
        if index < values.count - 1 { values[index] = first.value }
        continue
      }
      guard shape(value).isConstant, shape(value).features == 1 || first.axes.last == first.layout else {
        throw source.error(offset(node), "\(text(node)) is beside a value with the axes \(first.description)", "give both the same axes")
      }
      values.append(value)
    }
    first.value = try body(&self, values)
    return .plane(first)
  }

  /// Numbers that stand along the last axis, once for each place of a step's other axes; nil where they are none. The value is moved so
  /// that its last axis runs fastest.
  private mutating func tiled(_ value: Forward.Value, over plane: inout LinePlane, _ node: Int) throws(RNNError) -> Forward.Value? {
    // A tensor's size is not known here, and checked with the forward's shapes.
    guard shape(value).isConstant, let atoms = plane.axes.last, atoms != plane.layout, let count = LineExtent(atoms)?.whole, count > 1,
      shape(value).features ?? count == count, let times = LineExtent(rest(plane, without: atoms))?.whole, (1...4096).contains(times)
    else { return nil }
    plane = try arranging(plane, rest(plane, without: atoms) + atoms, node)
    return times == 1 ? value : try add(.concatenate, [Forward.Value](repeating: value, count: times), at: node)
  }

  /// Values joined along an axis of features.
  mutating func joined(_ parts: [(meaning: LineMeaning, node: Int)], _ dim: Int, _ node: Int) throws(RNNError) -> LineMeaning {
    func refuse(_ problem: String) -> RNNError {
      source.error(offset(node), problem, "join along an axis of features, the others of equal sizes")
    }
    var planes: [LinePlane] = []
    for (meaning, node) in parts {
      guard let plane = plane(meaning), !plane.axes.isEmpty else { throw refuse("\(text(node)) has no axes that are known, and what it is joined with has") }
      planes.append(plane)
    }
    guard let count = planes.first?.axes.count, let axis = axisIndex(dim, count), planes.allSatisfy({ $0.axes.count == count }) else {
      throw refuse("dim=\(text(dim)) of values with other axes")
    }
    var total = 0, values: [Forward.Value] = []
    // The order of what is not joined, as the first has it.
    var first = planes[0]
    first.axes[axis] = []
    first.layout = rest(planes[0], without: planes[0].axes[axis])
    for plane in planes {
      let atoms = plane.axes[axis]
      guard atoms.allSatisfy({ $0.size != nil }), let size = LineExtent(atoms)?.whole else { throw refuse("\(text(node)) joins along an axis that is none of features of a known number") }
      var other = plane, names: [LineAtom: LineAtom] = [:]
      other.axes[axis] = []
      for (own, wanted) in zip(other.axes, first.axes) {
        guard own.count == wanted.count, zip(own, wanted).allSatisfy({ $0 == $1 || $0.size != nil && $0.size == $1.size }) else {
          throw refuse("\(text(node)) joins the axes \(planes[0].description) and \(plane.description)")
        }
        for (atom, wanted) in zip(own, wanted) { names[atom] = wanted }
      }
      other.layout = plane.layout.map { names[$0] ?? $0 }
      values.append(try arranged(other, atoms + first.layout, node))
      total += size
      guard total <= Limits.maximumModuleSize else { throw refuse("more features than a module may have") }
    }
    let atom = LineAtom.features(nextAtom(), size: total)
    let value = values.count == 1 ? values[0] : try add(.concatenate, values, at: node)
    first.value = value
    first.axes[axis] = total == 1 ? [] : [atom]
    first.layout = (total == 1 ? [] : [atom]) + first.layout
    first.isOwn = false
    return try settled(first, node)
  }
}

extension LineSyntax.Kind {
  /// A list as a tuple, which PyTorch takes where it takes one.
  var asTuple: LineSyntax.Kind { if case .list(let parts) = self { .tuple(parts) } else { self } }
}

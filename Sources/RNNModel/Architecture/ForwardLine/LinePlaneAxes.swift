/// What moving axes does to a step's features, of a forward line and of TorchScript alike.
extension LinePlane {
  /// Which of the last two of four axes is time, and the channels before them; nil where they are no such axes.
  package var dimensions: (time: Int, positions: Int, channels: LineAxis)? {
    guard axes.count == 4, axes[0] == [.batch], axes[1].allSatisfy({ $0.size != nil }) else { return nil }
    let times = [2, 3].filter { axes[$0].contains(where: \.isTime) }
    guard times.count == 1, axes[times[0]].count == 1, axes[5 - times[0]].allSatisfy({ $0.size != nil }) else { return nil }
    return (times[0], 5 - times[0], axes[1])
  }

  /// What of a step's features is not on an axis, in its order.
  package func rest(without axis: LineAxis) -> LineAxis { layout.filter { !axis.contains($0) } }

  /// In how many equal parts a step's features are interleaved to stand in another order; 1 where they do already. Nil where no
  /// such step makes it.
  package func interleaving(to order: LineAxis) -> Int? {
    if layout == order { return 1 }
    for count in layout.indices.dropFirst() where Array(layout[count...] + layout[..<count]) == order {
      return LineExtent(Array(layout[..<count]))?.whole
    }
    return nil
  }

  /// Gives some of the axes other sizes, of which one may be open, as `view` does: numbers stay in their order. False where they do
  /// not fit.
  ///
  /// - Parameter count: How many axes of features have been told apart.
  package mutating func reshape(_ range: Range<Int>, _ wanted: [LineExtent?], _ count: inout Int) -> Bool {
    var atoms = axes[range].flatMap { $0 }
    var layout = layout
    func next() -> Int {
      count += 1
      return count
    }
    /// What one axis takes of those that are left, at their start or at their end.
    func axis(_ extent: LineExtent, fromInside: Bool) -> LineAxis? {
      var extent = extent, result: LineAxis = []
      while !extent.isOne {
        guard let atom = fromInside ? atoms.last : atoms.first, let (part, rest) = extent.take(atom, fromInside: fromInside, next) else { return nil }
        let left = rest.map { [$0] } ?? []
        if fromInside { atoms.replaceSubrange((atoms.count - 1)..., with: left) } else { atoms.replaceSubrange(...0, with: left) }
        if fromInside { result.insert(part, at: 0) } else { result.append(part) }
        if let rest, let index = layout.firstIndex(of: atom) { layout.replaceSubrange(index...index, with: fromInside ? [rest, part] : [part, rest]) }
      }
      return result
    }
    var head: [LineAxis] = [], tail: [LineAxis] = []
    let open = wanted.firstIndex { $0 == nil } ?? wanted.count
    for case let extent? in wanted[..<open] {
      guard let axis = axis(extent, fromInside: false) else { return false }
      head.append(axis)
    }
    if open < wanted.count {
      for case let extent? in wanted[(open + 1)...].reversed() {
        guard let axis = axis(extent, fromInside: true) else { return false }
        tail.insert(axis, at: 0)
      }
      head.append(atoms)
    } else if !atoms.isEmpty {
      return false
    }
    axes.replaceSubrange(range, with: head + tail)
    self.layout = layout
    return true
  }

  /// The atoms of this value's axes by those of another, of which each axis has the same sizes or, where `broadcasts`, one of the
  /// two is of 1. Nil where they have not.
  package func names(as other: LinePlane, broadcasts: Bool = false) -> [LineAtom: LineAtom]? {
    guard axes.count == other.axes.count else { return nil }
    var names: [LineAtom: LineAtom] = [:]
    for (own, wanted) in zip(axes, other.axes) {
      if broadcasts, own.isEmpty || wanted.isEmpty { continue }
      guard own.count == wanted.count else { return nil }
      for (atom, wanted) in zip(own, wanted) {
        guard atom == wanted || atom.size != nil && atom.size == wanted.size else { return nil }
        names[atom] = wanted
      }
    }
    return names
  }
}

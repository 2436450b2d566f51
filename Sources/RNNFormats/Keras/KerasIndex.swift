import RNNModel

/// What stands in brackets behind a value: `[:, -1]`, `[..., :2]`.
///
/// Sources: keras/src/ops/numpy.py `GetItem`, keras/src/saving/serialization_lib.py; Keras 2's `SlicingOpLambda`.
struct KerasIndex: Hashable {
  private enum Axis: Hashable {
    case range(Int?, Int?)
    case at(Int)
    /// As many whole axes as are left.
    case ellipsis
  }

  private var axes: [Axis] = []

  /// A key of one index or a list of them; nil for one of another kind, as with a step or with tensors.
  init?(_ key: JSONValue) {
    for element in key.array ?? [key] {
      if let index = element.integer {
        axes.append(.at(index))
      } else if element["class_name"]?.string == "__ellipsis__" {
        axes.append(.ellipsis)
      } else {
        let slice = element["class_name"]?.string == "__slice__" ? element["config"] ?? .null : element
        guard let start = slice["start"], let stop = slice["stop"], let step = slice["step"], step == .null || step.integer == 1,
          start == .null || start.integer != nil, stop == .null || stop.integer != nil
        else { return nil }
        axes.append(.range(start.integer, stop.integer))
      }
    }
    guard axes.count <= 4, axes.count(where: { $0 == .ellipsis }) <= 1 else { return nil }
  }

  /// What it takes of a value: a step's number, where it takes one, and a range of features, where it does not take all.
  ///
  /// Nil where it takes several sequences or steps of many, or one feature without its axis; or where it counts from the
  /// end of features whose number is not known.
  func parts(hasTime: Bool, features: Int?) -> (step: Int?, features: Range<Int>?)? {
    let whole = Axis.range(nil, nil), rank = hasTime ? 3 : 2
    var axes = axes
    guard axes.count(where: { $0 != .ellipsis }) <= rank else { return nil }
    let missing = [Axis](repeating: whole, count: rank - axes.count(where: { $0 != .ellipsis }))
    if let ellipsis = axes.firstIndex(of: .ellipsis) {
      axes.replaceSubrange(ellipsis...ellipsis, with: missing)
    } else {
      axes += missing
    }
    guard axes[0] == whole, case .range(let start, let stop) = axes[rank - 1] else { return nil }
    var step: Int?
    if hasTime {
      switch axes[1] {
      case .at(let index): step = index
      case whole: break
      default: return nil
      }
    }
    guard start != nil || stop != nil else { return (step, nil) }
    // As Python's slices: from the end where negative, cut at the ends.
    func bound(_ index: Int) -> Int? {
      guard let features else { return index >= 0 ? index : nil }
      return Swift.min(Swift.max(index >= 0 ? index : features + Swift.max(index, -features), 0), features)
    }
    guard let low = bound(start ?? 0), let high = stop.map(bound) ?? features, low < high else { return nil }
    return (step, low..<high)
  }
}

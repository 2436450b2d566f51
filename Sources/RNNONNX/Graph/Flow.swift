import RNNModel

/// Numbers on their way from the graph's input through the chain's links, and how their axes are laid out at the
/// moment.
///
/// Nodes such as Transpose, Squeeze, Reshape and Slice change the layout, or choose some of the numbers; none changes a
/// number. What the layout is in the end decides whether the next link reads what it ought to read.
struct Flow {
  enum Source: Hashable {
    /// A graph input.
    case input(Int)
    /// A link of the chain.
    case link(Int)
  }

  /// Which steps there are.
  enum Moment: Hashable {
    case every
    /// The state after each sequence's last step; for the reverse direction that is the first in time.
    case final
    /// One step, counted from the start (0) or, if negative, from the end (-1).
    case step(Int)
  }

  enum Quantity: Hashable {
    case hidden, cell
  }

  /// One direction of a recurrent link.
  struct Row: Hashable {
    var link: Int
    var direction: Int
  }

  /// Part of an axis. An axis of several has the last one run fastest.
  enum Atom: Hashable {
    /// An axis of a graph input.
    case input(Int, axis: Int)
    /// The rows, in order.
    case rows
    /// One direction's state.
    case hidden(Int)
    /// What a linear layer or an embedding gives.
    case features(Int)
  }

  var source: Source
  /// How many functions have been applied at the source.
  var version = 0
  var moment = Moment.every
  var quantity = Quantity.hidden
  var rows: [Row] = []
  var axes: [[Atom]]
  /// The part of a graph input's axis that is left.
  var selection: [Int: Range<Int>] = [:]
  var type: ElementType

  /// A graph input as it is.
  init(input: Int, rank: Int, type: ElementType) {
    source = .input(input)
    axes = (0..<rank).map { [.input(input, axis: $0)] }
    self.type = type
  }

  init(link: Int, axes: [[Atom]], type: ElementType) {
    source = .link(link)
    self.axes = axes
    self.type = type
  }

  /// The graph input this is, if nothing has been done to it.
  var untouchedInput: Int? {
    guard case .input(let index) = source, version == 0, selection.isEmpty,
      axes == axes.indices.map({ [.input(index, axis: $0)] })
    else { return nil }
    return index
  }

  /// The axis that is a step's features alone, all of them in the source's order.
  func isWhole(_ axis: [Atom], directions: Int) -> Bool {
    switch source {
    case .input:
      guard case .input(_, let index)? = axis.first, axis.count == 1 else { return false }
      return selection[index] == nil
    case .link(let link):
      if case .features? = axis.first { return axis.count == 1 && rows.isEmpty }
      guard rows == (0..<directions).map({ Row(link: link, direction: $0) }), case .hidden? = axis.last else {
        return false
      }
      return axis.count == 1 ? directions == 1 : axis.count == 2 && axis[0] == .rows
    }
  }
}

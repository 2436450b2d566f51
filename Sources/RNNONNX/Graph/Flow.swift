import RNNModel

/// Numbers that depend on the graph's input, and how their axes are laid out at the moment.
///
/// Nodes such as Transpose, Squeeze, Reshape and Slice change the layout, or choose some of the numbers; none changes a
/// number. Where a step takes the numbers, the layout decides whether it is a sequence or vector of features.
struct Flow {
  enum Source: Hashable {
    /// A graph input.
    case input(Int)
    /// What a step gives.
    case step(Int)
  }

  /// Which steps in time there are, of a recurrent step's output.
  enum Moment: Hashable {
    case every
    /// The state after each sequence's last step; for the reverse direction that is the first in time.
    case final
    /// One step, counted from the start (0) or, if negative, from the end (-1).
    case step(Int)
  }

  /// One direction of a recurrent step.
  struct Row: Hashable {
    var step: Int
    var direction: Int
  }

  /// Part of an axis. An axis of several has the last one run fastest.
  enum Atom: Hashable {
    /// An axis of a graph input.
    case input(Int, axis: Int)
    /// Time of that axis of a graph input behind windows that give another number of steps.
    case window(Int, axis: Int, TimeAxis)
    /// An axis, time or batch, of a recurrent step whose input's layout is not known.
    case own(axis: Int)
    /// The rows, in order.
    case rows
    /// One direction's state.
    case hidden(Int)
    /// The features that a step gives, or the channels of each of its positions.
    case features(Int)
    /// The positions that a step gives, which stand one after the other with their channels.
    case positions(Int)

    /// The axis of a graph input whose steps these are, or are made of.
    var origin: (input: Int, axis: Int)? {
      switch self {
      case .input(let input, let axis), .window(let input, let axis, _): (input, axis)
      case .own, .rows, .hidden, .features, .positions: nil
      }
    }
  }

  var source: Source
  var moment = Moment.every
  var quantity = Forward.StateKind.hn
  /// Of a recurrent step's output or states that nothing has been done to but choosing.
  var rows: [Row] = []
  var axes: [[Atom]]
  /// The part of a graph input's axis that is left.
  var selection: [Int: Range<Int>] = [:]
  var type: ElementType
  /// Whether the layout is not known, behind a node that is not understood. There are no axes then.
  var isOpaque = false
  /// Whether it is recurrent states put together in a way of which only that is known.
  var isStates = false
  /// Whether it is whole numbers of the graph's input as floating-point numbers, which are compared and no more.
  var isWhole = false
  /// Whether a node has laid out numbers of unknown layout anew.
  var isMoved = false

  /// A graph input as it is.
  init(input: Int, rank: Int, type: ElementType) {
    source = .input(input)
    axes = (0..<rank).map { [.input(input, axis: $0)] }
    self.type = type
  }

  init(step: Int, axes: [[Atom]], type: ElementType) {
    source = .step(step)
    self.axes = axes
    self.type = type
  }

  static func opaque(step: Int, type: ElementType) -> Flow {
    var flow = Flow(step: step, axes: [], type: type)
    flow.isOpaque = true
    return flow
  }

  /// Whether it is nothing but states that recurrent steps leave.
  var isState: Bool { isStates || (!rows.isEmpty && moment == .final) }

  /// How many positions of several channels, or fewer, its features are; 1 where they are none.
  var positions: Int {
    for case .positions(let count) in axes.joined() { return count }
    return 1
  }

  /// The graph input this is, if nothing has been done to it.
  var untouchedInput: Int? {
    guard case .input(let index) = source, selection.isEmpty, axes == axes.indices.map({ [.input(index, axis: $0)] }) else {
      return nil
    }
    return index
  }
}

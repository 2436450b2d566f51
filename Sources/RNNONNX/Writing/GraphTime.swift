import RNNFormats
import RNNModel

/// A time axis in a graph, values along which are (time, batch, features).
struct GraphTime {
  /// How many steps it has, int64 of one element.
  let steps: String
  /// How many of them are each sequence's own, int64 (batch).
  let lengths: String
  /// The same as int32, where a node makes it already.
  private let narrow: String?

  init(steps: String, lengths: String, lengths32: String?) { (self.steps, self.lengths, narrow) = (steps, lengths, lengths32) }

  /// Each sequence's steps as int32, as recurrent nodes take them.
  func lengths32(_ builder: inout GraphBuilder) -> String {
    narrow ?? builder.shared("Cast", [lengths], [.integer("to", Int(ElementTypeCode.code(.int32)))])
  }

  /// The axis that windows make of this one, which is the input's.
  func under(_ axis: TimeAxis, _ builder: inout GraphBuilder) -> GraphTime {
    // Division rounds towards zero, which 0 is the least of.
    func moved(_ count: String) -> String {
      var value = count
      if axis.offset != 0 { value = builder.node("Add", [value, builder.integers([axis.offset])], scope: "") }
      if axis.stride != 1 { value = builder.node("Div", [value, builder.integers([axis.stride])], scope: "") }
      return builder.node("Max", [value, builder.integers([0])], scope: "")
    }
    return GraphTime(steps: moved(steps), lengths: moved(lengths), lengths32: nil)
  }

  /// 0, 1, 2 … for every step, int64 (time).
  func numbers(_ builder: inout GraphBuilder) -> String {
    func whole(_ size: String) -> String { builder.shared("Squeeze", [size, builder.integers([0])]) }
    return builder.shared("Range", [whole(builder.integers([0])), whole(steps), whole(builder.integers([1]))])
  }

  /// Whether a step is a sequence's own, bool (time, batch, 1).
  func mask(_ builder: inout GraphBuilder) -> String {
    let column = builder.shared("Unsqueeze", [numbers(&builder), builder.integers([1])])
    return builder.shared("Unsqueeze", [builder.shared("Less", [column, lengths]), builder.integers([2])])
  }

  /// A value with a number in the place of what is past each sequence's length.
  func masked(_ value: String, by number: Double = 0, _ type: ElementType, _ builder: inout GraphBuilder) throws(RNNError) -> String {
    builder.shared("Where", [mask(&builder), value, try builder.number(number, type)])
  }

  /// Each sequence's steps as numbers, (batch, 1).
  func counts(_ type: ElementType, _ builder: inout GraphBuilder) -> String {
    let column = builder.shared("Unsqueeze", [lengths, builder.integers([1])])
    return builder.shared("Cast", [column], [.integer("to", Int(ElementTypeCode.code(type)))])
  }

  /// A function of all of a sequence's steps.
  func write(_ function: TimeFunction, _ value: String, _ type: ElementType, _ builder: inout GraphBuilder) throws(RNNError) -> String {
    let axis = builder.integers([0])
    switch function {
    case .sum, .mean:
      let sum = builder.node("ReduceSum", [try masked(value, type, &builder), axis], scope: "", [.integer("keepdims", 0)])
      return function == .sum ? sum : builder.node("Div", [sum, counts(type, &builder)], scope: "")
    case .max:
      let own = try masked(value, by: -.infinity, type, &builder)
      return builder.node("ReduceMax", [own], scope: "", [.integers("axes", [0]), .integer("keepdims", 0)])
    case .softmax:
      let own = try masked(value, by: -.infinity, type, &builder)
      return try masked(builder.node("Softmax", [own], scope: "", [.integer("axis", 0)]), type, &builder)
    }
  }
}

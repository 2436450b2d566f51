import RNNFormats
import RNNModel

/// Writes what becomes of steps that stand together: convolutions, pools, joined steps and padding.
///
/// ONNX' operators know nothing of lengths: what is past a sequence's is padding before they run, and 0 afterwards.
struct WindowWriter {
  let type: ElementType
  let window: TimeWindow
  /// The time axes of what it takes and of what it gives.
  let before: GraphTime
  let after: GraphTime

  /// A convolution of a value, (time, batch, channels).
  func write(_ module: Convolution, of model: Model, _ value: String, _ builder: inout GraphBuilder) throws(RNNError) -> String {
    let scope = ONNXWriter.scope(module.name)
    func weight(_ name: String) throws(RNNError) -> String {
      guard let tensor = model.tensor(module.name, name) else { throw ONNXWriter.refuse(module.name, "its \(name) is missing") }
      return builder.weight(Model.join(module.name, name), tensor, as: type, scope: scope)
    }
    let padded = module.padding == .zeros
      ? try self.padded(value, with: 0, &builder) : continued(value, module.padding, &builder)
    var inputs = [turned(padded, &builder), try weight("weight")]
    if module.bias { inputs.append(try weight("bias")) }
    let result = builder.node(
      "Conv", inputs, scope: scope,
      [.integers("kernel_shape", [window.size]), .integers("strides", [window.stride]), .integers("dilations", [window.dilation]),
        .integer("group", module.groups)])
    return try after.masked(turnedBack(result, &builder), type, &builder)
  }

  func write(_ function: WindowFunction, _ value: String, _ builder: inout GraphBuilder) throws(RNNError) -> String {
    var result: String
    switch function {
    case .max:
      let padded = turned(try self.padded(value, with: -.infinity, &builder), &builder)
      let pooled = builder.node(
        "MaxPool", [padded], scope: "",
        [.integers("kernel_shape", [window.size]), .integers("strides", [window.stride]), .integers("dilations", [window.dilation])])
      result = turnedBack(pooled, &builder)
    case .average(let countsPadding):
      result = mean(try padded(value, with: 0, &builder), &builder)
      if !countsPadding {
        // By the part of each window that is there.
        let isThere = builder.node("Cast", [before.mask(&builder)], scope: "", [.integer("to", Int(ElementTypeCode.code(type)))])
        result = builder.node("Div", [result, mean(try padded(isThere, with: 0, &builder), &builder)], scope: "")
      }
    case .join:
      result = try padded(value, with: 0, &builder)
      if window.size > 1 || window.stride > 1 {
        let joined = builder.node("Transpose", [gathered(result, &builder)], scope: "", [.integers("perm", [0, 2, 1, 3])])
        result = builder.node("Reshape", [joined, builder.integers([0, 0, -1])], scope: "")
      }
    }
    return try after.masked(result, type, &builder)
  }

  /// The mean of each window's steps, all of them counted.
  private func mean(_ value: String, _ builder: inout GraphBuilder) -> String {
    // AveragePool takes no dilation before operator set 19.
    if window.dilation > 1 {
      return builder.node(
        "ReduceMean", [gathered(value, &builder)], scope: "", [.integers("axes", [1]), .integer("keepdims", 0)])
    }
    let pooled = builder.node(
      "AveragePool", [turned(value, &builder)], scope: "",
      [.integers("kernel_shape", [window.size]), .integers("strides", [window.stride])])
    return turnedBack(pooled, &builder)
  }

  /// The steps of each window, (windows, size, batch, features).
  private func gathered(_ value: String, _ builder: inout GraphBuilder) -> String {
    let starts = builder.node("Mul", [after.numbers(&builder), builder.integers([window.stride])], scope: "")
    let column = builder.node("Unsqueeze", [starts, builder.integers([1])], scope: "")
    let offsets = builder.integers((0..<window.size).map { $0 * window.dilation })
    let places = builder.node("Add", [column, offsets], scope: "")
    return builder.node("Gather", [value, places], scope: "", [.integer("axis", 0)])
  }

  /// A number before and after each sequence; steps cut off where the window says so.
  private func padded(_ value: String, with number: Double, _ builder: inout GraphBuilder) throws(RNNError) -> String {
    let own = try before.masked(value, by: number, type, &builder)
    guard window.before != 0 || window.after != 0 else { return own }
    let sizes = builder.integers([window.before, 0, 0, window.after, 0, 0])
    return builder.node("Pad", [own, sizes, try builder.number(number, type)], scope: "")
  }

  /// A sequence's own steps before and after it.
  private func continued(_ value: String, _ padding: Convolution.Padding, _ builder: inout GraphBuilder) -> String {
    func arithmetic(_ kind: String, _ first: String, _ second: String) -> String { builder.node(kind, [first, second], scope: "") }
    let longer = arithmetic("Add", before.steps, builder.integers([window.before + window.after]))
    let all = GraphTime(steps: longer, lengths: before.lengths, lengths32: nil).numbers(&builder)
    let column = builder.node("Unsqueeze", [all, builder.integers([1])], scope: "")
    // A step's number in its sequence, (time, batch).
    let number = arithmetic("Sub", column, builder.integers([window.before]))
    let (zero, one) = (builder.integers([0]), builder.integers([1]))
    let last = arithmetic("Sub", before.lengths, one)
    var place: String
    switch padding {
    case .zeros, .replicate: place = number
    case .circular: place = arithmetic("Mod", number, arithmetic("Max", before.lengths, one))
    case .reflect:
      // There and back again: the first and the last step stand once each.
      let period = arithmetic("Mul", last, builder.integers([2]))
      let folded = arithmetic("Mod", number, arithmetic("Max", period, one))
      place = arithmetic("Min", folded, arithmetic("Sub", period, folded))
    }
    place = arithmetic("Max", arithmetic("Min", place, last), zero)
    let deep = builder.node("Unsqueeze", [place, builder.integers([2])], scope: "")
    let features = builder.node(
      "Slice", [builder.node("Shape", [value], scope: ""), builder.integers([2]), builder.integers([3])], scope: "")
    let sizes = builder.node("Concat", [one, one, features], scope: "", [.integer("axis", 0)])
    return builder.node("GatherElements", [value, builder.node("Expand", [deep, sizes], scope: "")], scope: "", [.integer("axis", 0)])
  }

  /// (batch, features, time), as ONNX' windows take it.
  private func turned(_ value: String, _ builder: inout GraphBuilder) -> String {
    builder.node("Transpose", [value], scope: "", [.integers("perm", [1, 2, 0])])
  }

  private func turnedBack(_ value: String, _ builder: inout GraphBuilder) -> String {
    builder.node("Transpose", [value], scope: "", [.integers("perm", [2, 0, 1])])
  }
}

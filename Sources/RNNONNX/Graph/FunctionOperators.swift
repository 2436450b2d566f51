import RNNModel

/// Functions of a value: of each number by itself, or over the features.
extension GraphReader {
  /// A step that changes each number by itself, whatever its layout.
  mutating func function(_ node: OperatorNode, _ function: Function) throws(RNNError) {
    guard case .flow(let flow) = try required(node, 0) else { throw node.refuse("it changes a constant") }
    guard flow.type.isWeight else { throw node.refuse("it changes whole numbers") }
    var result = flow.isOpaque ? flow : try settled(flow, node)
    result.source = try plain(.activation(function), [result.source], flow.type, node)
    set(node, .flow(result))
  }

  mutating func activation(_ node: inout OperatorNode) throws(RNNError) {
    guard case .flow(let flow) = try required(node, 0) else { throw node.refuse("it changes a constant") }
    let (alpha, beta) = (try node.float("alpha"), try node.float("beta"))
    guard
      let activation = ActivationName.activation(node.kind, alpha: alpha, beta: beta, isDouble: flow.type == .float64)
    else { throw node.refuse("its alpha or beta is no number") }
    try function(node, .elementwise(activation))
  }

  /// A square is a product, and the power ½ a square root.
  mutating func power(_ node: OperatorNode) throws(RNNError) {
    guard case .constant(let exponent) = try required(node, 1), let exponent = exponent.number else {
      throw node.refuse("its exponent is no stored number")
    }
    switch exponent {
    case 1: set(node, try required(node, 0))
    case 2: try arithmetic(node, .multiply, try required(node, 0), try required(node, 0))
    case 0.5: try function(node, .elementwise(.sqrt))
    default: throw node.refuse("its exponent is \(exponent), and RNNKit has 0.5, 1 and 2")
    }
  }

  mutating func gelu(_ node: inout OperatorNode) throws(RNNError) {
    let approximate = try node.string("approximate") ?? "none"
    guard ["none", "tanh"].contains(approximate) else {
      throw node.refuse("attribute approximate is \(approximate), expected none or tanh")
    }
    try function(node, .elementwise(approximate == "tanh" ? .geluTanh : .gelu))
  }

  /// min and max are attributes before operator set 11.
  mutating func clip(_ node: inout OperatorNode) throws(RNNError) {
    func bound(_ name: String, _ index: Int) throws(RNNError) -> Double? {
      if let value = try node.float(name) { return Double(value) }
      switch try value(node, index) {
      case nil: return nil
      case .constant(let constant)?:
        if let number = constant.number { return number }
      default: break
      }
      throw node.refuse("its \(name) is no stored number")
    }
    let most = Double.greatestFiniteMagnitude
    let low = max(try bound("min", 1) ?? -most, -most), high = min(try bound("max", 2) ?? most, most)
    guard low <= high else { throw node.refuse("its min \(low) is above its max \(high)") }
    if low == -most, high == most { return set(node, try required(node, 0)) }
    try function(node, .elementwise(.clip(min: low, max: high)))
  }

  mutating func softmax(_ node: inout OperatorNode) throws(RNNError) {
    guard case .flow(let flow) = try required(node, 0) else { throw node.refuse("it changes a constant") }
    let named = try node.integer("axis") ?? (node.opset < 13 ? 1 : -1)
    let settled = try settled(flow, node)
    let axis = try axis(named, of: settled.axes.count, node)
    if axis == settled.axes.count - 2, node.opset >= 13, node.kind == "Softmax", settled.axes.count == 3, isTime(settled.axes[axis], node) {
      var result = settled
      result.source = try plain(.overTime(.softmax), [settled.source], flow.type, node)
      return set(node, .flow(result))
    }
    // Before operator set 13 it ran over all axes from this one on.
    guard axis == settled.axes.count - 1 else {
      throw node.refuse("it runs over axis \(axis), which is not that of the features")
    }
    _ = try features(settled, node)
    try function(node, node.kind == "Softmax" ? .softmax : .logSoftmax)
  }
}

import RNNModel

extension GraphReader {
  /// Works out what a node gives.
  mutating func apply(_ node: inout OperatorNode) throws(RNNError) {
    if try behindUnknown(&node) { return }
    switch node.kind {
    case "RNN": try recurrent(&node, .rnn)
    case "LSTM": try recurrent(&node, .lstm)
    case "GRU": try recurrent(&node, .gru)
    case "MatMul": try matMul(&node)
    case "Gemm": try gemm(&node)
    case "Add": try arithmetic(&node, .add)
    case "Sub": try arithmetic(&node, .subtract)
    case "Mul": try arithmetic(&node, .multiply)
    case "Div": try arithmetic(&node, .divide)
    case "Min": try minimum(&node)
    case "Softmax", "LogSoftmax": try softmax(&node)
    case "Relu", "Tanh", "Sigmoid", "HardSigmoid", "LeakyRelu", "ThresholdedRelu", "Elu", "Softsign", "Softplus":
      try activation(&node)
    case "Exp": try function(node, .elementwise(.exp))
    case "Log": try function(node, .elementwise(.log))
    case "Sqrt": try function(node, .elementwise(.sqrt))
    case "Abs": try function(node, .elementwise(.abs))
    case "Pow": try power(node)
    case "Gelu": try gelu(&node)
    case "Clip": try clip(&node)
    case "PRelu": try prelu(&node)
    case "Conv": try convolution(&node)
    case "MaxPool", "AveragePool": try pool(&node)
    case "GlobalAveragePool", "GlobalMaxPool": try globalPool(&node)
    case "BatchNormalization": try batchNorm(&node)
    case "LayerNormalization", "RMSNormalization": try layerNorm(&node)
    case "GroupNormalization": try groupNorm(&node)
    case "Pad": try pad(&node)
    case "ReduceMean": try reduction(&node, .mean)
    case "ReduceMax": try reduction(&node, .max)
    case "ReduceSum": try reduction(&node, .sum)
    case "Gather": try gather(&node)
    case "Identity": set(node, try required(node, 0))
    case "Dropout": try dropout(&node)
    case "Cast": try cast(&node)
    case "Constant": try constant(&node)
    case "ConstantOfShape": try constantOfShape(&node)
    case "Shape": try shape(&node)
    case "Transpose": try transpose(&node)
    case "Squeeze": try squeeze(&node)
    case "Unsqueeze": try unsqueeze(&node)
    case "Reshape": try reshape(&node)
    case "Flatten": try flatten(&node)
    case "Expand": try expand(&node)
    case "Concat": try concat(&node)
    case "Slice": try slice(&node)
    case "Split": try split(&node)
    case "ReverseSequence": try reverse(&node)
    case "Equal": try equal(&node)
    case "Less", "GreaterOrEqual": try compare(&node)
    case "Not": try not(&node)
    case "Where": try choose(&node)
    case "ReduceProd": try product(&node)
    case "If": try branch(&node)
    default: throw OperatorNode.unknown(node.proto)
    }
  }

  /// What a node gives behind one that is not understood: new layouts of numbers whose layout is not known change nothing.
  /// False where the node is worked out as any other.
  private mutating func behindUnknown(_ node: inout OperatorNode) throws(RNNError) -> Bool {
    guard node.input(0) != nil, case .flow(var flow) = try required(node, 0), flow.isOpaque else { return false }
    switch node.kind {
    case "Transpose", "Squeeze", "Unsqueeze", "Reshape", "Flatten":
      for name in ["perm", "axes", "axis", "allowzero"] { node.ignore(name) }
      flow.isMoved = true
      set(node, .flow(flow))
      return true
    case "Identity": return false
    case _ where flow.isStates: throw node.refuse("it reads states that were put together")
    case "Shape":
      guard try node.integer("start") ?? 0 == 0, try node.integer("end") == nil else { return false }
      set(node, .uniform(.unknown))
      return true
    case "Slice", "Split", "Gather", "Expand", "Concat", "ReverseSequence":
      throw node.refuse("how what it takes is laid out is not known, behind a node that is not understood")
    default: return false
    }
  }

  /// A branch, where it is known which is taken, or both are the same.
  private mutating func branch(_ node: inout OperatorNode) throws(RNNError) {
    let (first, second) = (try node.graph("then_branch"), try node.graph("else_branch"))
    guard var taken = first, var other = second else { throw node.refuse("it has no branches", remedy: OperatorNode.again) }
    var condition: Bool?
    switch try value(node, 0) {
    case .constant(let constant)? where constant.tensor.count == 1:
      condition = constant.tensor.withUnsafeBytes { $0.contains { $0 != 0 } }
    case .extents(let extents, _)? where extents.count == 1: condition = extents[0].value.map { $0 != 0 }
    default: break
    }
    if condition == false { swap(&taken, &other) }
    guard condition != nil || taken.withoutNames == other.withoutNames else {
      throw node.refuse("which of its branches is taken depends on the graph's input",
        remedy: "export the model with the condition decided, so that no If remains")
    }
    try inline(taken, node)
  }

  /// Dropout does nothing when a model is run.
  private mutating func dropout(_ node: inout OperatorNode) throws(RNNError) {
    node.ignore("ratio")
    node.ignore("seed")
    if case .constant(let training)? = try value(node, 2), training.tensor.withUnsafeBytes({ $0.contains { $0 != 0 } })
    {
      throw node.refuse("it is in training mode", remedy: "export the model in evaluation mode")
    }
    set(node, try required(node, 0))
  }

  private mutating func cast(_ node: inout OperatorNode) throws(RNNError) {
    guard let code = try node.integer("to"), let type = Int32(exactly: code).flatMap(ElementTypeCode.type) else {
      throw node.refuse("it casts to a type that RNNKit has not")
    }
    node.ignore("saturate")
    node.ignore("round_mode")
    let input = try required(node, 0)
    switch input {
    case .missing(let reason): throw reason
    case .extents, .uniform:
      guard type.isInteger || type == .bool else { throw node.refuse("it makes floating-point numbers of sizes") }
      set(node, input)
    case .constant(var constant):
      if constant.type == type {
        set(node, input)
      } else if constant.type.widens(to: type) {
        // Kept narrow, as it is in the file; it is widened exactly when it is used.
        constant.type = type
        set(node, .constant(constant))
      } else if let converted = constant.tensor.converted(to: type) {
        try spend(converted.tensor.byteCount, node)
        set(node, .constant(Constant(converted.tensor, shape: constant.shape, type: type, name: constant.name)))
      } else if let integers = constant.integers, type.isInteger {
        set(node, .extents(integers.map(Extent.known), isScalar: constant.shape.isEmpty))
      } else {
        throw node.refuse("it casts a constant from \(constant.type.rawValue) to \(type.rawValue)")
      }
    case .flow(var flow):
      let isIndex = type.isInteger && flow.untouchedInput != nil
      // Whole numbers are compared as floating-point numbers by some exporters, which is all that they are taken for.
      if flow.type.isInteger, flow.untouchedInput != nil, type.isWeight {
        flow.isWhole = true
        return set(node, .flow(flow))
      }
      guard !flow.isWhole, flow.type == type || isIndex || flow.type.widens(to: type) else {
        throw node.refuse(
          "it rounds the numbers from \(flow.type.rawValue) to \(type.rawValue)",
          remedy: "export the model in float32")
      }
      flow.type = type
      set(node, .flow(flow))
    }
  }

  private mutating func constant(_ node: inout OperatorNode) throws(RNNError) {
    func vector<Value: BitwiseCopyable>(_ values: [Value], _ type: ElementType, isScalar: Bool) -> Constant? {
      Shape(isScalar ? [] : [values.count]).flatMap { shape in
        Tensor(type, shape) { bytes in values.withUnsafeBytes { bytes.copyMemory(from: $0) } }
      }.map { Constant($0, name: node.outputs.first) }
    }
    var result: Constant?
    if let proto = try node.tensor("value") {
      result = try constant(proto, node)
    } else if let value = try node.integer("value_int") {
      result = vector([Int64(value)], .int64, isScalar: true)
    } else if let values = try node.integers("value_ints") {
      result = vector(values.map(Int64.init), .int64, isScalar: false)
    } else if let value = try node.float("value_float") {
      result = vector([value], .float32, isScalar: true)
    } else {
      let values = try node.floats("value_floats")
      if !values.isEmpty { result = vector(values, .float32, isScalar: false) }
    }
    guard let result else { throw node.refuse("it gives neither a tensor nor numbers") }
    set(node, .constant(result))
  }

  /// Reads a vector of sizes: axes, a shape, a slice's bounds.
  mutating func sizes(_ node: OperatorNode, _ index: Int) throws(RNNError) -> [Extent]? {
    switch try value(node, index) {
    case nil: return nil
    case .extents(let extents, _): return extents
    case .constant(let constant):
      if let integers = constant.integers { return integers.map(Extent.known) }
      throw node.refuse("input \(index + 1) is no list of sizes")
    case .missing(let reason): throw reason
    case .flow(let flow):
      if let input = flow.untouchedInput, flow.type.isInteger, let tensor = supplied[inputs[input].name], let integers = Constant(tensor).integers {
        weightInputs.insert(input)
        return integers.map(Extent.known)
      }
      throw node.refuse("input \(index + 1) depends on the graph's input")
    case .uniform: throw node.refuse("input \(index + 1) depends on the graph's input")
    }
  }

  /// The same where every size must be known.
  mutating func integers(_ node: OperatorNode, _ index: Int) throws(RNNError) -> [Int]? {
    guard let sizes = try sizes(node, index) else { return nil }
    let integers = sizes.compactMap(\.value)
    guard integers.count == sizes.count else {
      throw node.refuse("input \(index + 1) depends on the size of the graph's input")
    }
    return integers
  }

  /// An axis counted from the first, of `rank`.
  func axis(_ axis: Int, of rank: Int, _ node: OperatorNode) throws(RNNError) -> Int {
    guard (-rank..<rank).contains(axis) else {
      throw node.refuse("axis \(axis) is none of the \(rank) axes", remedy: OperatorNode.again)
    }
    return axis < 0 ? axis + rank : axis
  }
}

extension ElementType {
  /// Whether every value of this floating-point type is one of the other, wider type.
  func widens(to type: ElementType) -> Bool {
    switch (self, type) {
    case (.float16, .float32), (.bfloat16, .float32), (.float16, .float64), (.bfloat16, .float64), (.float32, .float64):
      true
    default: false
    }
  }
}

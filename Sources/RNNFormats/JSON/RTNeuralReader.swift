import RNNModel

/// Reads RTNeural's layers into PyTorch's names, layout and gate order.
struct RTNeuralReader {
  private let bytes: UnsafeRawBufferPointer
  private var archive = TensorArchive()
  private var modules: [Module] = []
  private var forward = Forward()
  /// What the layers so far give.
  private var value = Forward.Value.input(0)
  /// Keys of layers that cannot be run.
  private var unread: [JSONValue.Member] = []
  /// How many layers of a type there have been, for names such as Keras gives: `dense`, `dense_1`.
  private var counts: [String: Int] = [:]
  private static let remedy = "compare with RTNeural's own JSON, or export the model again"

  init(_ bytes: UnsafeRawBufferPointer) {
    self.bytes = bytes
  }

  private static func refuse(_ place: String, _ problem: String, _ remedy: String = remedy) -> RNNError {
    RNNError(.badData, place: place, problem, remedy: remedy)
  }

  /// - Parameter whole: The outermost object.
  mutating func read(_ whole: JSONSkeleton) throws(RNNError) -> TensorArchive {
    guard let shape = whole[RTNeuralFormat.shapeKey], let layers = whole[RTNeuralFormat.layersKey] else {
      throw Self.refuse("in_shape, layers", "missing")
    }
    var size = try lastSize(JSONValue(parsing: bytes, in: shape), at: RTNeuralFormat.shapeKey)
    let inputSize = size
    let device = try device(whole, inputSize: inputSize)
    let start = forward.scale(value, by: Forward.gains(device.inputGain, onFirst: 1, of: inputSize))
    value = start
    for (index, range) in try JSONSkeleton.elements(bytes, in: layers).enumerated() {
      size = try layer(JSONSkeleton(bytes, in: range), inputSize: size, at: "layers[\(index)]")
    }
    guard device.skip == 0 || size == 1 else {
      throw Self.refuse("in_skip", "1, expected 0 where the model gives more than one feature")
    }
    value = forward.addFeatures(device.skip, of: inputSize, start, to: value)
    forward.outputs = [.init(forward.scale(value, by: [device.outputGain]))]
    archive.architecture = Architecture(modules: modules, forward: forward, batchFirst: true)
    archive.notes.append("kernels transposed; names given, since the file has none")
    if counts["gru"] != nil { archive.notes.append("GRU gates reordered from z, r, h to r, z, n") }
    if counts["lstm"] != nil { archive.notes.append("an LSTM's one bias is bias_ih, and bias_hh is zero") }
    try rest(of: whole, device, inputSize: inputSize, outputSize: size)
    return archive
  }

  /// The last number of a shape such as [null, null, 8].
  private func lastSize(_ value: JSONValue, at place: String) throws(RNNError) -> Int {
    guard let size = (value.array?.last ?? value).integer, size > 0 else {
      throw Self.refuse(place, "\(value.text), expected a list that ends in a size")
    }
    return size
  }

  /// Adds one layer and returns the size of what it gives.
  private mutating func layer(_ layer: JSONSkeleton, inputSize: Int, at place: String) throws(RNNError) -> Int {
    func value(_ key: String) throws(RNNError) -> JSONValue {
      guard let range = layer[key] else { throw Self.refuse("\(place).\(key)", "missing") }
      return try JSONValue(parsing: bytes, in: range)
    }
    guard let type = try value("type").string else { throw Self.refuse("\(place).type", "not a string") }
    let size = try lastSize(value("shape"), at: "\(place).shape")
    guard let activation = layer["activation"] == nil ? "" : try value("activation").string else {
      throw Self.refuse("\(place).activation", "not a string")
    }
    var weights: [Tensor] = []
    if let range = layer["weights"] {
      for (index, range) in try JSONSkeleton.elements(bytes, in: range).enumerated() {
        weights.append(try JSONTensorReader.read(bytes, in: range, as: .float32, at: "\(place).weights[\(index)]"))
      }
    }
    let known: Set = ["type", "shape", "activation", "weights"]
    if Self.types.contains(type) {
      let biased = weights.count > (type == "lstm" || type == "gru" ? 2 : 1)
      let facts = RTNeuralKeys(inputSize: inputSize, outputSize: size, hasBias: biased)
      for member in layer.members where !known.contains(member.key) {
        if let problem = try facts.problem(member.key, JSONValue(parsing: bytes, in: member.range)) {
          throw Self.refuse("\(place).\(member.key)", problem)
        }
      }
    }
    switch type {
    case "lstm", "gru":
      guard ["", "tanh"].contains(activation) else {
        throw Self.refuse(
          "\(place).activation",
          "\"\(activation)\" in an \(type) layer, where RTNeural itself always computes tanh",
          "train it with tanh, or set the activation to \"tanh\" if that is what is meant")
      }
      try recurrent(type == "lstm" ? .lstm : .gru, weights, inputSize: inputSize, size: size, at: place)
    case "dense", "time-distributed-dense":
      try dense(weights, inputSize: inputSize, size: size, at: place)
      try follow(activation, at: place)
    case "activation":
      guard weights.isEmpty else { throw Self.refuse("\(place).weights", "an activation with weights") }
      guard size == inputSize else { throw Self.refuse("\(place).shape", "ends in \(size), expected \(inputSize)") }
      try follow(activation, at: place)
    case "prelu":
      guard size == inputSize else { throw Self.refuse("\(place).shape", "ends in \(size), expected \(inputSize)") }
      try prelu(weights, size: size, at: place)
      try follow(activation, at: place)
    case "conv1d":
      if let convolution = try convolution(layer, weights, inputSize: inputSize, size: size, at: place) {
        append(.convolution(convolution))
      } else {
        try carry(type, layer, weights)
      }
      try follow(activation, at: place)
    case "batchnorm":
      if let norm = try batchNorm(layer, weights, inputSize: inputSize, size: size, at: place) {
        append(.norm(norm))
      } else {
        try carry(type, layer, weights)
      }
      try follow(activation, at: place)
    case "conv2d", "batchnorm2d":
      try carry(type, layer, weights)
      try follow(activation, at: place)
    default:
      throw Self.refuse(
        "\(place).type", "a layer of type \"\(type.prefix(60))\", which RTNeural does not know",
        "it knows dense, lstm, gru, prelu, activation, conv1d, conv2d and batchnorm")
    }
    return size
  }

  /// A layer's key that is a number, or a list that ends in one; nil where there is no such key.
  private func number(_ key: String, of layer: JSONSkeleton, at place: String) throws(RNNError) -> JSONValue? {
    guard let range = layer[key] else { return nil }
    let value = try JSONValue(parsing: bytes, in: range)
    guard let last = value.array == nil ? value : value.array?.last, last.double != nil else {
      throw Self.refuse("\(place).\(key)", "\(value.text.prefix(60)), expected a number")
    }
    return last
  }

  /// Whether a layer has keys beside RTNeural's own and those given.
  private func hasOthers(_ layer: JSONSkeleton, than keys: Set<String>) -> Bool {
    !layer.members.allSatisfy { keys.union(["type", "shape", "activation", "weights", "name", "trainable"]).contains($0.key) }
  }

  /// A convolution over time, which RTNeural computes causally: kernel (size, in, out) and bias. Nil where a key says more
  /// than RNNKit knows of.
  private mutating func convolution(
    _ layer: JSONSkeleton, _ weights: [Tensor], inputSize: Int, size: Int, at place: String
  ) throws(RNNError) -> Convolution? {
    guard !hasOthers(layer, than: ["kernel_size", "dilation", "groups", "strides"]),
      let steps = try number("kernel_size", of: layer, at: place)?.integer, let dilation = try number("dilation", of: layer, at: place)?.integer
    else { return nil }
    for key in ["groups", "strides"] {
      if let number = try number(key, of: layer, at: place), number.integer != 1 { return nil }
    }
    var window = TimeWindow(size: Int(steps), dilation: Int(dilation))
    guard window.isSound else { throw Self.refuse("\(place).kernel_size, dilation", "a window of \(steps) steps that are \(dilation) apart") }
    window.before = window.span - 1
    guard weights.count == 2 else { throw Self.refuse("\(place).weights", "\(weights.count) arrays, expected 2: kernel, bias") }
    try check(weights[0], [window.size, inputSize, size], at: "\(place).weights[0]")
    try check(weights[1], [size], at: "\(place).weights[1]")
    let module = Convolution(name: name("conv1d"), inChannels: inputSize, outChannels: size, window: window)
    let turned = try Shape([size, inputSize, window.size]).flatMap { (shape) throws(RNNError) in
      try weights[0].gathered(shape, strides: [1, size, inputSize * size])
    }
    try add(module.name, "weight", turned, at: place)
    try add(module.name, "bias", weights[1], at: place)
    return module
  }

  /// A batch norm: gamma, beta, mean and variance. Nil where a key says more than RNNKit knows of.
  private mutating func batchNorm(
    _ layer: JSONSkeleton, _ weights: [Tensor], inputSize: Int, size: Int, at place: String
  ) throws(RNNError) -> Norm? {
    guard !hasOthers(layer, than: ["epsilon"]), weights.count == 4, let epsilon = try number("epsilon", of: layer, at: place)?.double
    else { return nil }
    guard size == inputSize else { throw Self.refuse("\(place).shape", "ends in \(size), expected \(inputSize)") }
    var module = Norm(name: name("batchnorm"), kind: .batch, features: size)
    module.eps = epsilon
    for (index, parameter) in ["weight", "bias", "running_mean", "running_var"].enumerated() {
      try check(weights[index], [size], at: "\(place).weights[\(index)]")
      try add(module.name, parameter, weights[index], at: place)
    }
    return module
  }

  /// Keeps the arrays of a layer that RNNKit cannot run, and what its keys say.
  private mutating func carry(_ type: String, _ layer: JSONSkeleton, _ weights: [Tensor]) throws(RNNError) {
    let name = name(type)
    var names: [String] = []
    for (index, tensor) in weights.enumerated() {
      names.append("\(name).weights.\(index)")
      try archive.append(names[index], tensor)
    }
    var members: [JSONValue.Member] = []
    for member in layer.members where member.key != "weights" {
      members.append(.init(member.key, try JSONValue(parsing: bytes, in: member.range)))
    }
    unread.append(.init("layer \(name)", .object(members)))
    append(.unknown(UnknownModule(name: name, className: type, tensorNames: names)))
  }

  private mutating func append(_ module: Module) {
    modules.append(module)
    value = forward.add(.module(module.name), value)
  }

  private mutating func prelu(_ weights: [Tensor], size: Int, at place: String) throws(RNNError) {
    guard weights.count == 1, let count = weights[0].shape.dimensions.last, weights[0].count == count,
      count == 1 || count == size, let shape = Shape([count])
    else { throw Self.refuse("\(place).weights", "expected 1 array of one slope, or of one for each feature") }
    let module = PReLU(name: name("prelu"), numParameters: count)
    try add(module.name, "weight", weights[0].reshaped(shape), at: place)
    append(.prelu(module))
  }

  /// The types that `layer` reads.
  private static let types: Set = ["lstm", "gru", "dense", "time-distributed-dense", "activation", "prelu"]

  private mutating func name(_ type: String) -> String {
    let count = counts[type, default: 0]
    counts[type] = count + 1
    return count == 0 ? type : "\(type)_\(count)"
  }

  private func check(_ tensor: Tensor, _ sizes: [Int], at place: String) throws(RNNError) {
    guard tensor.shape.dimensions == sizes else {
      let expected = Shape(sizes)?.description ?? "\(sizes)"
      throw Self.refuse(place, "its shape is \(tensor.shape), expected \(expected) from the layer's sizes")
    }
  }

  private mutating func recurrent(
    _ cell: Recurrent.Cell, _ weights: [Tensor], inputSize: Int, size: Int, at place: String
  ) throws(RNNError) {
    guard (2...3).contains(weights.count) else {
      throw Self.refuse("\(place).weights", "\(weights.count) arrays, expected 3: kernel, recurrent kernel, bias")
    }
    let (rows, overflow) = size.multipliedReportingOverflow(by: cell.gateCount)
    guard !overflow else { throw Self.refuse("\(place).shape", "too large") }
    let hasBias = weights.count == 3
    try check(weights[0], [inputSize, rows], at: "\(place).weights[0]")
    try check(weights[1], [size, rows], at: "\(place).weights[1]")
    if hasBias { try check(weights[2], cell == .gru ? [2, rows] : [rows], at: "\(place).weights[2]") }
    let module = Recurrent(
      name: name(cell.rawValue.lowercased()), cell: cell, inputSize: inputSize, hiddenSize: size, bias: hasBias)
    let order = KerasGates.order(cell)
    try add(module.name, "weight_ih_l0", weights[0].transposed()?.reorderingBlocks(order), at: place)
    try add(module.name, "weight_hh_l0", weights[1].transposed()?.reorderingBlocks(order), at: place)
    if hasBias {
      let isGRU = cell == .gru
      let flat = Shape([rows])
      func half(_ index: Int) throws(RNNError) -> Tensor? {
        guard let flat, let half = weights[2].rows(index..<index + 1)?.reshaped(flat) else { return nil }
        return try half.reorderingBlocks(order)
      }
      try add(module.name, "bias_ih_l0", isGRU ? try half(0) : weights[2], at: place)
      try add(module.name, "bias_hh_l0", isGRU ? try half(1) : Tensor.zeros(.float32, [rows]), at: place)
    }
    append(.recurrent(module))
  }

  private mutating func dense(_ weights: [Tensor], inputSize: Int, size: Int, at place: String) throws(RNNError) {
    guard (1...2).contains(weights.count) else {
      throw Self.refuse("\(place).weights", "\(weights.count) arrays, expected 2: kernel, bias")
    }
    try check(weights[0], [inputSize, size], at: "\(place).weights[0]")
    let module = Linear(name: name("dense"), inFeatures: inputSize, outFeatures: size, bias: weights.count == 2)
    try add(module.name, "weight", weights[0].transposed(), at: place)
    if weights.count == 2 {
      try check(weights[1], [size], at: "\(place).weights[1]")
      try add(module.name, "bias", weights[1], at: place)
    }
    append(.linear(module))
  }

  private mutating func add(_ module: String, _ parameter: String, _ tensor: Tensor?, at place: String) throws(RNNError)
  {
    guard let tensor else { throw Self.refuse("\(place).weights", "too large") }
    try archive.append(Model.join(module, parameter), tensor)
  }

  /// Puts an activation after the layer just read.
  private mutating func follow(_ activation: String, at place: String) throws(RNNError) {
    if activation.isEmpty { return }
    guard let function = Self.functions.first(where: { $0.name == activation })?.function else {
      throw Self.refuse("\(place).activation", "\"\(activation.prefix(60))\", which RTNeural does not know",
        "it knows \(Self.functions.map(\.name).joined(separator: ", "))")
    }
    value = forward.add(.activation(function), value)
  }

  /// RTNeural's activations.
  static let functions: [(name: String, function: Function)] = [
    ("tanh", .elementwise(.tanh)), ("relu", .elementwise(.relu)), ("sigmoid", .elementwise(.sigmoid)),
    ("softmax", .softmax), ("elu", .elementwise(.elu(alpha: 1))),
  ]

  /// What AIDA-X adds around the layers.
  private struct Device {
    var skip = 0
    /// Of the audio alone, which is the first feature; further features are the plugin's knobs.
    var inputGain = 1.0
    var outputGain = 1.0
  }

  private func device(_ whole: JSONSkeleton, inputSize: Int) throws(RNNError) -> Device {
    var device = Device()
    for key in RTNeuralFormat.deviceKeys {
      guard let range = whole[key] else { continue }
      let value = try JSONValue(parsing: bytes, in: range)
      switch key {
      case "in_skip":
        guard let skip = value.integer, (0...1).contains(skip) else {
          throw Self.refuse("in_skip", "\(value.text), expected 0, or 1 where the model gives one feature")
        }
        device.skip = skip
      case "in_gain":
        // The factors are a constant of the forward, whose line has a limit.
        guard inputSize <= Limits.maximumLineLength / 8 else {
          throw Self.refuse("in_gain", "a gain on one of \(inputSize) features")
        }
        device.inputGain = try Self.gain(value, at: key)
      default: device.outputGain = try Self.gain(value, at: key)
      }
    }
    return device
  }

  /// Takes what is not layers: metadata, and AIDA-X's test signals.
  private mutating func rest(
    of whole: JSONSkeleton, _ device: Device, inputSize: Int, outputSize: Int
  ) throws(RNNError) {
    let taken = Set([RTNeuralFormat.shapeKey, RTNeuralFormat.layersKey] + RTNeuralFormat.deviceKeys + RTNeuralFormat.signalKeys)
    var (metadata, others) = ([JSONValue.Member](), [JSONValue.Member]())
    for member in whole.members where !taken.contains(member.key) {
      let value = try JSONValue(parsing: bytes, in: member.range)
      if member.key == "metadata" {
        guard let members = value.members else { throw Self.refuse("metadata", "not a JSON object") }
        metadata = members
      } else {
        others.append(.init(member.key, value))
      }
    }
    archive.keep(metadata: metadata, beside: others)
    let keys = Set(archive.metadata.map(\.key))
    archive.metadata += unread.filter { !keys.contains($0.key) }
    guard let input = whole["input_batch"], let output = whole["output_batch"] else { return }
    try addCase(input, output, device, inputSize: inputSize, outputSize: outputSize)
  }

  private static func gain(_ value: JSONValue, at place: String) throws(RNNError) -> Double {
    guard let decibels = value.double, decibels < 3000 else {
      throw refuse(place, "\(value.text), expected a gain in decibels")
    }
    return Decibels.factor(decibels)
  }

  /// The test signal as a reference case. It was made without the gains and with every further input at 0.
  private mutating func addCase(
    _ input: Range<Int>, _ output: Range<Int>, _ device: Device, inputSize: Int, outputSize: Int
  ) throws(RNNError) {
    let x = try JSONTensorReader.read(bytes, in: input, as: .float32, at: "input_batch")
    let y = try JSONTensorReader.read(bytes, in: output, as: .float32, at: "output_batch")
    guard x.shape.rank == 1, y.shape == x.shape, x.count > 0, outputSize == 1 else {
      throw Self.refuse(
        "output_batch", "its shape is \(y.shape), expected one number for each of input_batch, \(x.shape)")
    }
    let (inputGain, outputGain) = (device.inputGain, device.outputGain)
    guard inputGain != 0 else { return }
    let (elements, overflow) = x.count.multipliedReportingOverflow(by: inputSize)
    var signal = [Float](repeating: 0, count: overflow ? 0 : elements)
    x.forEachDouble { index, value in
      signal[index * inputSize] = inputGain == 1 ? Float(value) : Float(value / inputGain)
    }
    var answer = [Float](repeating: 0, count: y.count)
    y.forEachDouble { index, value in answer[index] = outputGain == 1 ? Float(value) : Float(value * outputGain) }
    guard let inputShape = Shape([x.count, inputSize]), let outputShape = Shape([y.count, 1]),
      let input = Tensor(signal, inputShape), let output = Tensor(answer, outputShape)
    else { throw Self.refuse("input_batch", "too large") }
    var metadata: [JSONValue.Member] = [.init("source", .string("input_batch and output_batch"))]
    if inputGain != 1 || outputGain != 1 {
      metadata.append(
        .init("gains", .string("the signals were made without gains and are scaled here to go with them")))
    }
    archive.cases.append(
      ReferenceCase(
        name: "test_signal", members: [NamedTensor("input", input), NamedTensor("y", output)], metadata: metadata))
  }
}

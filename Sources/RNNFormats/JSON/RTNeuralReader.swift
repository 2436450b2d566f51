import RNNModel

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Reads RTNeural's layers into PyTorch's names, layout and gate order.
struct RTNeuralReader {
  private let bytes: UnsafeRawBufferPointer
  private var archive = TensorArchive()
  private var modules: [Module] = []
  /// How many layers of a type there have been, for names such as Keras gives: `dense`, `dense_1`.
  private var counts: [String: Int] = [:]
  private static let remedy = "compare with RTNeural's own JSON, or export the model again"

  init(_ bytes: UnsafeRawBufferPointer) {
    self.bytes = bytes
  }

  private static func refuse(_ place: String, _ problem: String, _ remedy: String = remedy) -> RNNError {
    RNNError(.badData, place: place, problem, remedy: remedy)
  }

  mutating func read() throws(RNNError) -> TensorArchive {
    let whole = try JSONSkeleton(bytes, in: 0..<bytes.count)
    guard let shape = whole[RTNeuralFormat.shapeKey], let layers = whole[RTNeuralFormat.layersKey] else {
      throw Self.refuse("in_shape, layers", "missing")
    }
    var size = try lastSize(JSONValue(parsing: bytes, in: shape), at: RTNeuralFormat.shapeKey)
    let inputSize = size
    for (index, range) in try JSONSkeleton.elements(bytes, in: layers).enumerated() {
      size = try layer(JSONSkeleton(bytes, in: range), inputSize: size, at: "layers[\(index)]")
    }
    archive.architecture = Architecture(modules: modules, batchFirst: true)
    archive.notes.append("kernels transposed; names given, since the file has none")
    if counts["gru"] != nil { archive.notes.append("GRU gates reordered from z, r, h to r, z, n") }
    if counts["lstm"] != nil { archive.notes.append("an LSTM's one bias is bias_ih, and bias_hh is zero") }
    try rest(of: whole, inputSize: inputSize, outputSize: size)
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
    default:
      throw Self.refuse(
        "\(place).type", "a layer of type \"\(type)\", which RNNKit cannot run",
        "only lstm, gru, dense and activation layers can be read")
    }
    return size
  }

  /// The types that `layer` reads.
  private static let types: Set = ["lstm", "gru", "dense", "time-distributed-dense", "activation"]

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
    modules.append(.recurrent(module))
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
    modules.append(.linear(module))
  }

  private mutating func add(_ module: String, _ parameter: String, _ tensor: Tensor?, at place: String) throws(RNNError)
  {
    guard let tensor else { throw Self.refuse("\(place).weights", "too large") }
    try archive.append(Model.join(module, parameter), tensor)
  }

  /// Puts an activation after the dense layer just read.
  private mutating func follow(_ activation: String, at place: String) throws(RNNError) {
    if activation.isEmpty { return }
    guard let head = Self.heads.first(where: { $0.name == activation })?.head else {
      throw Self.refuse(
        "\(place).activation", "\"\(activation)\", which RTNeural does not know",
        "it knows \(Self.heads.map(\.name).joined(separator: ", "))")
    }
    guard case .linear(var module) = modules.last, module.activation == .elementwise(.identity) else {
      throw Self.refuse(place, "an activation that does not follow a dense layer, which RNNKit cannot run")
    }
    module.activation = head
    modules[modules.count - 1] = .linear(module)
  }

  /// What may follow a dense layer.
  static let heads: [(name: String, head: Linear.Head)] = [
    ("tanh", .elementwise(.tanh)), ("relu", .elementwise(.relu)), ("sigmoid", .elementwise(.sigmoid)),
    ("softmax", .softmax), ("elu", .elementwise(.elu(alpha: 1))),
  ]

  /// Takes what is not layers: AIDA-X's additions, and metadata.
  private mutating func rest(of whole: JSONSkeleton, inputSize: Int, outputSize: Int) throws(RNNError) {
    let signals: Set = ["input_batch", "output_batch"]
    var (metadata, others) = ([JSONValue.Member](), [JSONValue.Member]())
    for member in whole.members
    where ![RTNeuralFormat.shapeKey, RTNeuralFormat.layersKey].contains(member.key) && !signals.contains(member.key) {
      let value = try JSONValue(parsing: bytes, in: member.range)
      switch member.key {
      case "in_skip":
        guard let skip = value.integer, (0...1).contains(skip), skip == 0 || outputSize == 1 else {
          throw Self.refuse("in_skip", "\(value.text), expected 0, or 1 where the model gives one feature")
        }
        archive.architecture?.skip = skip
      case "in_gain":
        // The plugin multiplies the audio alone; further features are its knobs.
        archive.architecture?.inputGain = try Self.gain(value, at: "in_gain")
        archive.architecture?.inputGainFeatures = inputSize > 1 ? 1 : nil
      case "out_gain": archive.architecture?.outputGain = try Self.gain(value, at: "out_gain")
      case "metadata":
        guard let members = value.members else { throw Self.refuse("metadata", "not a JSON object") }
        metadata = members
      default: others.append(.init(member.key, value))
      }
    }
    archive.keep(metadata: metadata, beside: others)
    guard let input = whole["input_batch"], let output = whole["output_batch"] else { return }
    try addCase(input, output, inputSize: inputSize, outputSize: outputSize)
  }

  /// A factor from decibels; −90 dB and less is silence.
  private static func gain(_ value: JSONValue, at place: String) throws(RNNError) -> Double {
    guard let decibels = value.double, decibels < 3000 else {
      throw refuse(place, "\(value.text), expected a gain in decibels")
    }
    return decibels > -90 ? pow(10, decibels / 20) : 0
  }

  /// The test signal as a reference case. It was made without the gains and with every further input at 0.
  private mutating func addCase(
    _ input: Range<Int>, _ output: Range<Int>, inputSize: Int, outputSize: Int
  ) throws(RNNError) {
    let x = try JSONTensorReader.read(bytes, in: input, as: .float32, at: "input_batch")
    let y = try JSONTensorReader.read(bytes, in: output, as: .float32, at: "output_batch")
    guard x.shape.rank == 1, y.shape == x.shape, x.count > 0, outputSize == 1 else {
      throw Self.refuse(
        "output_batch", "its shape is \(y.shape), expected one number for each of input_batch, \(x.shape)")
    }
    let (inputGain, outputGain) = (archive.architecture?.inputGain ?? 1, archive.architecture?.outputGain ?? 1)
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

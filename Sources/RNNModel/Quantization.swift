/// Weights as whole numbers of 8 bits, −127 to 127, with a float32 scale for each row: `rnn.weight_ih_l0` of int8 and
/// `rnn.weight_ih_l0_scale`. Number q of a row stands for scale·q.
public struct QuantizedWeight: Sendable {
  /// (rows, columns) of int8.
  public let numbers: Tensor
  /// (rows,) of float32, none negative.
  public let scale: Tensor

  /// The suffix of a scale's name.
  public static let suffix = "_scale"

  /// Most columns of a matrix that is computed with in whole numbers: 255·127 times as many fits 32 bits, and a row of bytes a kernel's
  /// stack.
  public static let mostColumns = 32768

  init(numbers: Tensor, scale: Tensor) {
    self.numbers = numbers
    self.scale = scale
  }

  /// Rounds a matrix: each row's scale is its largest magnitude by 127, and a number the nearest multiple, ties to even. Nil
  /// where it is no matrix of floats, or has a number that is not finite or a magnitude that float32 does not hold.
  ///
  /// - Returns: The weight, and the largest change of a number as a share of its row's largest magnitude.
  public static func rounded(_ weight: Tensor) -> (weight: QuantizedWeight, largestChange: Double, position: Int)? {
    guard weight.elementType.isWeight, weight.shape.rank == 2, let scaleShape = Shape([weight.shape[0]]) else { return nil }
    let (rows, columns) = (weight.shape[0], weight.shape[1]), values = weight.doubles
    var (scales, numbers) = ([Float](), [Int8]())
    scales.reserveCapacity(rows)
    numbers.reserveCapacity(values.count)
    var (largest, position) = (0.0, 0)
    for row in 0..<rows {
      let own = values[row * columns..<(row + 1) * columns]
      let most = own.reduce(0) { $1.isNaN ? .nan : $0.isNaN ? .nan : max($0, abs($1)) }
      let scale = Float(most / 127)
      guard scale.isFinite, most.isFinite else { return nil }
      scales.append(scale)
      for (index, value) in zip(own.indices, own) {
        let number = scale > 0 ? min(max((value / Double(scale)).rounded(.toNearestOrEven), -127), 127) : 0
        numbers.append(Int8(number))
        let change = most > 0 ? abs(number * Double(scale) - value) / most : 0
        if change > largest { (largest, position) = (change, index) }
      }
    }
    let stored = Tensor(.int8, weight.shape, fill: { bytes in numbers.withUnsafeBytes { bytes.copyMemory(from: $0) } })
    guard let stored, let scale = Tensor(scales, scaleShape) else { return nil }
    return (QuantizedWeight(numbers: stored, scale: scale), largest, position)
  }

  /// The numbers that it stands for, which float64 holds exactly.
  public var doubles: [Double] {
    let scales = scale.doubles, columns = numbers.shape[1]
    var values: [Double] = []
    values.reserveCapacity(numbers.count)
    numbers.forEachDouble { index, number in values.append(scales[index / columns] * number) }
    return values
  }

  /// The same as a tensor of float64.
  public var tensor: Tensor? { Tensor(doubles, numbers.shape) }
}

extension Model {
  /// Whether a module's parameter may be whole numbers: recurrent weights, and those of linear layers and embeddings.
  public static func isQuantizable(_ module: Module, _ name: String) -> Bool {
    let parameter = split(name).parameter
    switch module {
    case .recurrent: return ParameterName(parsing: parameter).map { [.weightIH, .weightHH, .weightHR].contains($0.kind) } ?? false
    case .linear, .embedding: return parameter == "weight"
    default: return false
    }
  }

  /// A parameter that is whole numbers with a scale; nil for one of another type.
  public func quantized(_ name: String) -> QuantizedWeight? {
    guard let numbers = archive[name], numbers.elementType == .int8, numbers.shape.rank == 2,
      let scale = archive[name + QuantizedWeight.suffix], scale.elementType == .float32, scale.shape.dimensions == [numbers.shape[0]]
    else { return nil }
    return QuantizedWeight(numbers: numbers, scale: scale)
  }

  /// Whether a weight is whole numbers with a scale.
  public var isQuantized: Bool { !quantizedNames.isEmpty }

  /// The parameters that are, in order.
  public var quantizedNames: [String] {
    architecture.modules.flatMap { module in
      Self.parameters(of: module).map(\.name).filter { archive[$0]?.elementType == .int8 }
    }
  }

  /// The names of a module's parameters and, after each that is whole numbers, of its scale.
  public func parameterNames(of module: Module) -> [String] {
    Self.parameters(of: module).flatMap { name, _ in
      archive[name]?.elementType == .int8 ? [name, name + QuantizedWeight.suffix] : [name]
    }
  }

  /// The same model with the numbers that its weights stand for, rounded to `type`, and no scales.
  public func dequantized(to type: ElementType) throws(RNNError) -> Model {
    let names = quantizedNames
    guard !names.isEmpty else { return self }
    var (gone, new) = (Set<String>(), [String: NamedTensor]())
    for name in names {
      guard let tensor = quantized(name)?.tensor?.converted(to: type)?.tensor else { continue }
      gone.formUnion([name, name + QuantizedWeight.suffix])
      new[name] = NamedTensor(name, tensor)
    }
    return try Model(archive.replacingTensors(gone, by: new), architecture: architecture)
  }

  /// The same model with every weight that may be whole numbers rounded to such, and all other parameters in float32.
  ///
  /// - Returns: The model, the largest change of a weight as a share of its row's largest, and where that is.
  public func quantized() throws(RNNError) -> (model: Model, largestChange: Double, name: String, position: Int) {
    var (largest, place, at) = (0.0, "", 0), quantizable = Set<String>()
    for module in architecture.modules {
      quantizable.formUnion(Self.parameters(of: module).map(\.name).filter { Self.isQuantizable(module, $0) })
    }
    let parameters = Set(parameterNames)
    var copy = archive.keepingTensors { _ in false }
    for named in archive.tensors {
      guard parameters.contains(named.name), named.tensor.elementType.isWeight else {
        try copy.append(named.name, named.tensor)
        continue
      }
      if quantizable.contains(named.name) {
        guard let (weight, change, position) = QuantizedWeight.rounded(named.tensor) else {
          throw RNNError(.badData, place: "tensor \(named.name)", "it has a number that is not finite, or too large for float32",
            remedy: "leave \(.elementType) out, or repair the model")
        }
        if change > largest { (largest, place, at) = (change, named.name, position) }
        try copy.append(named.name, weight.numbers)
        try copy.append(named.name + QuantizedWeight.suffix, weight.scale)
      } else {
        try copy.append(named.name, named.tensor.converted(to: .float32)?.tensor ?? named.tensor)
      }
    }
    return (try Model(copy, architecture: architecture), largest, place, at)
  }

  /// Refuses whole numbers where they cannot be computed with, or whose scale is none.
  static func check(quantized numbers: Tensor, _ archive: TensorArchive, _ name: String, shape: [Int], of module: Module) throws(RNNError) {
    let scaleName = name + QuantizedWeight.suffix
    guard isQuantizable(module, name) else {
      throw RNNError(.badData, place: "tensor \(name)",
        "its type is int8, which recurrent, linear and embedding weights may have, and this is none of them",
        remedy: "export it as float32")
    }
    guard let scale = archive[scaleName] else {
      throw RNNError(.badData, place: "tensor \(name)", "its type is int8, and its scale \(scaleName) is missing",
        remedy: "add \(scaleName), a float32 tensor of (\(shape.first ?? 0),), one scale for each row, or export the weight as float32")
    }
    guard scale.elementType == .float32, scale.shape.dimensions == [numbers.shape[0]] else {
      throw RNNError(.badData, place: "tensor \(scaleName)",
        "it is \(scale.elementType.rawValue) \(scale.shape), expected float32 (\(numbers.shape[0]),), a scale for each row of \(name)",
        remedy: "store one float32 scale for each row")
    }
    if let row = scale.doubles.firstIndex(where: { !($0 >= 0 && $0.isFinite) }) {
      throw RNNError(.badData, place: "tensor \(scaleName), row \(row)", "a scale is negative or not finite",
        remedy: "quantize the model again")
    }
    guard (shape.last ?? 0) <= QuantizedWeight.mostColumns else {
      throw RNNError(.badData, place: "tensor \(name)", "int8 rows of more than \(QuantizedWeight.mostColumns) numbers may overflow their sums",
        remedy: "keep this weight as float32")
    }
    var lowest = 0.0
    numbers.forEachDouble { _, value in lowest = min(lowest, value) }
    guard lowest > -128 else {
      throw RNNError(.badData, place: "tensor \(name)", "it has the number −128, expected −127 to 127",
        remedy: "quantize the model again, symmetrically")
    }
  }
}

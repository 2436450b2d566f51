import RNNModel

/// What the nodes of a pickle are to NumPy: arrays and numbers, of version 1 or 2 of NumPy and any protocol.
///
/// Sources: numpy/_core/src/multiarray/methods.c (`array_reduce`, `array_setstate`), descriptor.c (`arraydescr_reduce`),
/// numpy/_core/numeric.py (`_frombuffer`).
struct PickledArrays {
  let graph: PickleGraph

  /// Whether a value is an array, sound or not.
  func isArray(_ value: PickleGraph.Value) -> Bool {
    switch graph.name(value).flatMap(Self.numpyName) {
    case "multiarray._reconstruct", "numeric._frombuffer": true
    default: false
    }
  }

  /// `multiarray.scalar` of `numpy.core.multiarray.scalar` or of NumPy 2's `numpy._core.multiarray.scalar`.
  private static func numpyName(_ name: String) -> String? {
    for prefix in ["numpy.core.", "numpy._core."] where name.hasPrefix(prefix) {
      return String(name.dropFirst(prefix.utf8.count))
    }
    return nil
  }

  private static func refuse(_ name: String, _ problem: String, _ remedy: String) -> RNNError {
    RNNError(.badData, place: "array \(name)", problem, remedy: remedy)
  }

  private static let resave = "pickle the array again, or save it with numpy.savez"

  /// The array that a value is. `name` names it in errors.
  func tensor(_ value: PickleGraph.Value, named name: String) throws(RNNError) -> Tensor {
    let arguments = graph.arguments(value)
    func damaged(_ problem: String) -> RNNError { Self.refuse(name, problem, Self.resave) }
    if graph.name(value)?.hasSuffix("._frombuffer") == true {
      // (buffer, dtype, shape, order), from NumPy 2.3 on with the order of the axes.
      guard (4...5).contains(arguments.count), let shape = sizes(arguments[2]), let order = arguments[3].string,
        let bytes = try bytes(arguments[0])
      else { throw damaged("not the arguments of numpy's _frombuffer") }
      let type = try type(arguments[1], named: name)
      guard order != "K" else {
        guard arguments.count == 5, let axes = sizes(arguments[4]), axes.sorted() == Array(shape.indices) else {
          throw damaged("an order of axes that is none")
        }
        return try tensor(bytes, type, shape, named: name, axes: axes)
      }
      guard order == "C" || order == "F" else { throw damaged("the order \"\(order)\", expected C or F") }
      return try tensor(bytes, type, shape, named: name, isFortran: order == "F")
    }
    // (class, shape, type code), and the state (version, shape, dtype, is_fortran, bytes), at first without version.
    guard let subtype = arguments.first?.global, ["numpy.ndarray", "numpy.matrix", "numpy.memmap"].contains(subtype)
      || Self.numpyName(subtype) == "memmap.memmap" || subtype.hasPrefix("numpy.matrixlib.")
    else {
      throw Self.refuse(
        name, "an array of the class \(arguments.first?.global ?? "?")", "save numpy.asarray of it instead")
    }
    guard let state = graph.state(value).flatMap(graph.tuple), (4...5).contains(state.count),
      let shape = sizes(state[state.count - 4])
    else { throw damaged("an array without its state") }
    let type = try type(state[state.count - 3], named: name)
    guard case .bool(let isFortran) = state[state.count - 2] else {
      throw damaged("an array that does not say its order")
    }
    guard let bytes = try bytes(state[state.count - 1]) else { throw damaged("an array without bytes") }
    return try tensor(bytes, type, shape, named: name, isFortran: isFortran)
  }

  /// - Parameter axes: Where each axis of what the bytes hold stands in the array's, where they are in C order under
  ///   other axes: NumPy's `bytes.reshape(shape).transpose(axes)`.
  private func tensor(
    _ bytes: TensorStorage, _ type: (ElementType, isBigEndian: Bool), _ sizes: [Int], named name: String,
    isFortran: Bool = false, axes: [Int]? = nil
  ) throws(RNNError) -> Tensor {
    func damaged(_ problem: String) -> RNNError { Self.refuse(name, problem, Self.resave) }
    guard let shape = Shape(sizes) else { throw damaged("sizes \(sizes), which are no shape") }
    let (size, overflow) = shape.count.multipliedReportingOverflow(by: type.0.byteCount)
    guard !overflow, size == bytes.count, var tensor = Tensor(type.0, shape, in: bytes) else {
      throw damaged("\(bytes.count) bytes for \(type.0.rawValue) \(shape)")
    }
    if type.isBigEndian, let swapped = try tensor.byteSwapped() { tensor = swapped }
    var (order, strides) = (Array(sizes.indices), [Int](repeating: 1, count: sizes.count))
    if isFortran {
      for axis in sizes.indices.dropFirst() { strides[axis] = strides[axis - 1] * max(sizes[axis - 1], 1) }
    } else {
      for axis in sizes.indices.dropLast().reversed() { strides[axis] = strides[axis + 1] * max(sizes[axis + 1], 1) }
      if let axes { order = axes }
    }
    guard (isFortran && shape.rank > 1) || order != Array(sizes.indices) else { return tensor }
    guard let turned = Shape(order.map { sizes[$0] }),
      let result = try tensor.gathered(turned, strides: order.map { strides[$0] })
    else { throw damaged("shape \(shape) reaches beyond its bytes") }
    return result
  }

  private func sizes(_ value: PickleGraph.Value) -> [Int]? {
    guard let elements = graph.tuple(value) ?? graph.list(value), elements.count <= Limits.maximumRank else { return nil }
    let sizes = elements.compactMap(\.integer)
    return sizes.count == elements.count && sizes.allSatisfy { $0 >= 0 } ? sizes : nil
  }

  /// The bytes of `bytes`, of Python 2's strings, and of texts that stand for bytes in protocols that have none.
  func bytes(_ value: PickleGraph.Value) throws(RNNError) -> TensorStorage? {
    switch value {
    case .bytes(let bytes): return bytes
    case .string(let text): return TensorStorage(count: text.utf8.count) { $0.copyBytes(from: text.utf8) }
    default: break
    }
    let arguments = graph.arguments(value)
    switch graph.name(value) {
    case "builtins.bytes" where arguments.isEmpty, "builtins.bytearray" where arguments.isEmpty:
      return TensorStorage(count: 0) { _ in }
    case "builtins.bytearray" where arguments.count == 1:
      if case .bytes(let bytes) = arguments[0] { return bytes }
      return nil
    case "_codecs.encode" where arguments.count == 2, "builtins.bytearray" where arguments.count == 2:
      guard ["latin1", "latin-1"].contains(arguments[1].string) else { return nil }
      switch arguments[0] {
      case .text(let text): return try PickleText.latin1(text)
      case .string(let text):
        return try PickleText.latin1(TensorStorage(count: text.utf8.count) { $0.copyBytes(from: text.utf8) })
      default: return nil
      }
    default: return nil
    }
  }

  // MARK: Types

  /// The element type of a `numpy.dtype`, and whether its bytes are turned.
  private func type(
    _ value: PickleGraph.Value, named name: String
  ) throws(RNNError) -> (ElementType, isBigEndian: Bool) {
    guard graph.name(value) == "numpy.dtype", let described = graph.arguments(value).first else {
      throw Self.refuse(name, "an array without a dtype", Self.resave)
    }
    // (version, byte order, subtype, names, fields, size, alignment, flags)
    let state = graph.state(value).flatMap(graph.tuple) ?? []
    if state.count > 4, case .node = state[3] {
      throw Self.refuse(
        name, "an array of a structured dtype", "save its fields as plain arrays of numbers with numpy.savez")
    }
    let code = described.string ?? described.global ?? "?"
    if code.hasPrefix("O") {
      throw Self.refuse(
        name, "an array of Python objects, which cannot be read without running code",
        "save plain arrays of numbers with numpy.savez")
    }
    guard let type = Self.types[code] ?? Self.classes[code.split(separator: ".").last.map(String.init) ?? ""] else {
      throw Self.refuse(
        name, "an array of dtype \(code), which is no number of a known size",
        "save it as float32, or leave it out if it is no number")
    }
    let order = state.count > 1 ? state[1].string : nil
    guard [nil, "<", ">", "|", "="].contains(order) else {
      throw Self.refuse(name, "a dtype with the byte order \(order ?? "?")", Self.resave)
    }
    return (type, order == ">")
  }

  private static let types: [String: ElementType] = [
    "f8": .float64, "f4": .float32, "f2": .float16, "c16": .complex128, "c8": .complex64, "b1": .bool, "i8": .int64,
    "i4": .int32, "i2": .int16, "i1": .int8, "u8": .uint64, "u4": .uint32, "u2": .uint16, "u1": .uint8,
  ]
  /// Those of ml_dtypes, which NumPy knows by class.
  private static let classes: [String: ElementType] = [
    "bfloat16": .bfloat16, "float8_e4m3fn": .float8_e4m3fn, "float8_e5m2": .float8_e5m2,
  ]

  // MARK: Numbers

  /// The number that a NumPy scalar is. Nil where a value is none.
  func number(_ value: PickleGraph.Value) -> JSONValue? {
    let arguments = graph.arguments(value)
    guard let name = graph.name(value).flatMap(Self.numpyName), name == "multiarray.scalar", arguments.count == 2,
      let (type, isBigEndian) = try? type(arguments[0], named: ""), let bytes = try? bytes(arguments[1]),
      bytes.count == type.byteCount, let shape = Shape([]), var tensor = Tensor(type, shape, in: bytes)
    else { return nil }
    if isBigEndian, let swapped = try? tensor.byteSwapped() { tensor = swapped }
    return tensor.withUnsafeBytes { bytes in
      switch type {
      case .float64: Self.number(bytes.loadUnaligned(as: Double.self))
      case .float32: Self.number(Double(bytes.loadUnaligned(as: Float.self)))
      case .int64: .integer(bytes.loadUnaligned(as: Int64.self))
      case .int32: .integer(Int64(bytes.loadUnaligned(as: Int32.self)))
      case .bool: .bool(bytes[0] != 0)
      default: nil
      }
    }
  }

  private static func number(_ value: Double) -> JSONValue {
    value.isFinite ? .number(value) : .string(value.description)
  }
}

import RNNModel

/// The names in files of tensors that stand for element types.
enum TorchGlobals {
  static let untypedStorage = "torch.storage.UntypedStorage"
  static let parameter = "torch.nn.parameter.Parameter"

  /// The element type of `torch.FloatStorage` and its like, which CUDA's storages share.
  static func storageType(_ name: String) -> ElementType? {
    let prefix = name.hasPrefix("torch.cuda.") ? "torch.cuda." : "torch."
    guard name.hasPrefix(prefix), name.hasSuffix("Storage") else { return nil }
    return storages[String(name.dropFirst(prefix.utf8.count).dropLast("Storage".utf8.count))]
  }

  /// Whether a storage's elements are numbers of a quantized tensor: `torch.QInt8Storage`.
  static func isQuantizedStorage(_ name: String) -> Bool {
    name.hasPrefix("torch.Q") && name.hasSuffix("Storage") && storageType(name) != nil
  }

  private static let storages: [String: ElementType] = [
    "Double": .float64, "Float": .float32, "Half": .float16, "BFloat16": .bfloat16, "Long": .int64, "Int": .int32,
    "Short": .int16, "Char": .int8, "Byte": .uint8, "Bool": .bool, "ComplexDouble": .complex128,
    "ComplexFloat": .complex64, "QInt8": .int8, "QUInt8": .uint8, "QInt32": .int32, "QUInt4x2": .uint8,
    "QUInt2x4": .uint8,
  ]

  /// The element type of `torch.float32` and its like; storages' class name for a type, where it has one.
  static func elementType(_ name: String) -> ElementType? {
    guard name.hasPrefix("torch.") else { return nil }
    return ElementType(rawValue: String(name.dropFirst("torch.".utf8.count)))
  }

  /// `FloatStorage` for float32; nil for types that came after such classes.
  static func storageName(_ type: ElementType) -> String? {
    storages.first { $0.value == type && !$0.key.hasPrefix("Q") }.map { $0.key + "Storage" }
  }
}

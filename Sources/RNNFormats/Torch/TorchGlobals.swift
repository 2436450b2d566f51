import RNNModel

/// The globals that files of tensors may name, and the element types they stand for.
///
/// Source: torch/_weights_only_unpickler.py, less what is no dense tensor.
enum TorchGlobals {
  /// Those of a state_dict or checkpoint.
  static func allows(_ name: String) -> Bool {
    plain.contains(name) || rebuilders.contains(name) || storageType(name) != nil || name == untypedStorage
      || elementType(name) != nil
  }

  /// Those of TorchScript besides: its own classes are only names here, and their code is not run.
  static func allowsInScript(_ name: String) -> Bool {
    allows(name) || name.hasPrefix("__torch__.") || name.hasPrefix("torch.jit._pickle.")
  }

  /// `torch.FloatTensor` and its like, which the tar archive names.
  static func isTensorClass(_ name: String) -> Bool {
    name.hasPrefix("torch.") && name.hasSuffix("Tensor")
      && storageType(name.dropLast("Tensor".utf8.count) + "Storage") != nil
  }

  static let untypedStorage = "torch.storage.UntypedStorage"
  static let parameter = "torch.nn.parameter.Parameter"

  private static let plain: Set = [
    "collections.OrderedDict", "collections.Counter", parameter, "torch.Size", "torch.device", "torch.Tensor",
    "_codecs.encode", "builtins.set", "builtins.bytearray", "builtins.complex",
  ]

  private static let rebuilders: Set = [
    "torch._utils._rebuild_tensor", "torch._utils._rebuild_tensor_v2", "torch._utils._rebuild_tensor_v3",
    "torch._utils._rebuild_parameter", "torch._utils._rebuild_parameter_with_state",
    "torch._tensor._rebuild_from_type_v2",
  ]

  /// The element type of `torch.FloatStorage` and its like, which CUDA's storages share.
  static func storageType(_ name: String) -> ElementType? {
    let prefix = name.hasPrefix("torch.cuda.") ? "torch.cuda." : "torch."
    guard name.hasPrefix(prefix), name.hasSuffix("Storage") else { return nil }
    return storages[String(name.dropFirst(prefix.utf8.count).dropLast("Storage".utf8.count))]
  }

  private static let storages: [String: ElementType] = [
    "Double": .float64, "Float": .float32, "Half": .float16, "BFloat16": .bfloat16, "Long": .int64, "Int": .int32,
    "Short": .int16, "Char": .int8, "Byte": .uint8, "Bool": .bool, "ComplexDouble": .complex128,
    "ComplexFloat": .complex64,
  ]

  /// The element type of `torch.float32` and its like; storages' class name for a type, where it has one.
  static func elementType(_ name: String) -> ElementType? {
    guard name.hasPrefix("torch.") else { return nil }
    return ElementType(rawValue: String(name.dropFirst("torch.".utf8.count)))
  }

  /// `FloatStorage` for float32; nil for types that came after such classes.
  static func storageName(_ type: ElementType) -> String? {
    storages.first { $0.value == type }.map { $0.key + "Storage" }
  }
}

import RNNModel

/// ONNX's numbers for element types (`TensorProto.DataType`).
enum ElementTypeCode {
  private static let table: [(code: Int32, type: ElementType)] = [
    (1, .float32), (2, .uint8), (3, .int8), (4, .uint16), (5, .int16), (6, .int32), (7, .int64), (9, .bool),
    (10, .float16), (11, .float64), (12, .uint32), (13, .uint64), (14, .complex64), (15, .complex128), (16, .bfloat16),
    (17, .float8_e4m3fn), (19, .float8_e5m2),
  ]

  /// Names of the types that RNNKit cannot hold, for errors.
  private static let others: [Int32: String] = [
    0: "UNDEFINED", 8: "STRING", 18: "FLOAT8E4M3FNUZ", 20: "FLOAT8E5M2FNUZ", 21: "UINT4", 22: "INT4", 23: "FLOAT4E2M1",
    24: "FLOAT8E8M0", 25: "UINT2", 26: "INT2",
  ]

  static func type(_ code: Int32) -> ElementType? { table.first { $0.code == code }?.type }

  static func code(_ type: ElementType) -> Int32 { table.first { $0.type == type }?.code ?? 0 }

  static func name(_ code: Int32) -> String { type(code)?.rawValue ?? others[code] ?? "number \(code)" }
}

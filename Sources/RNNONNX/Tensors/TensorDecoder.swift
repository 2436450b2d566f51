import RNNFormats
import RNNModel

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Makes tensors of ONNX's `TensorProto`, whichever of its fields holds the elements.
struct TensorDecoder {
  private var external: ExternalData

  /// `path` is the model's file; external data must be in its folder.
  init(modelPath path: String?) {
    external = ExternalData(modelPath: path)
  }

  private static let remedy = "export the model again"

  /// Throws where type, shape and data do not fit each other, or the type is one RNNKit has not.
  mutating func tensor(_ proto: TensorProto, name: String) throws(RNNError) -> Tensor {
    let place = "tensor \(name)"
    func refuse(_ problem: String, _ remedy: String = TensorDecoder.remedy) -> RNNError {
      RNNError(.badData, place: place, problem, remedy: remedy)
    }
    guard let type = ElementTypeCode.type(proto.dataType) else {
      throw refuse(
        "its type is \(ElementTypeCode.name(proto.dataType)), which RNNKit cannot hold",
        "export the model in float32")
    }
    guard !proto.hasSegment else { throw refuse("it is split into segments, which RNNKit does not read") }
    guard let shape = Shape(proto.dims.map { Int(clamping: $0) }),
      case (let size, let overflow) = shape.count.multipliedReportingOverflow(by: type.byteCount), !overflow
    else {
      throw refuse(
        "its dims \(proto.dims.prefix(8)) are no shape: a negative size, too many axes, or too many elements")
    }
    if proto.dataLocation == 1 {
      return try external.tensor(type, shape, entries: proto.externalData, place: place)
    }
    guard proto.dataLocation == 0 else { throw refuse("its data_location is \(proto.dataLocation), expected 0 or 1") }
    if proto.hasRawData {
      guard proto.rawData.count == size else {
        throw refuse("it has \(proto.rawData.count) bytes, expected \(size) for \(type.rawValue) \(shape)")
      }
      let data = proto.rawData
      if let tensor = Tensor(type, shape, fill: { data.copyBytes(to: $0) }) { return tensor }
    }
    return try typed(proto, type, shape, place: place)
  }

  /// Elements that stand in the field of their type rather than as bytes.
  private func typed(
    _ proto: TensorProto, _ type: ElementType, _ shape: Shape, place: String
  ) throws(RNNError) -> Tensor {
    func make<Wide, Narrow: BitwiseCopyable>(
      _ values: [Wide], perElement: Int = 1, _ narrow: (Wide) -> Narrow?
    ) throws(RNNError) -> Tensor {
      guard values.count % perElement == 0, values.count / perElement == shape.count else {
        throw RNNError(
          .badData, place: place,
          "it has \(values.count / perElement) elements, expected \(shape.count) for its shape \(shape)",
          remedy: Self.remedy)
      }
      var outside: Wide?
      let tensor = Tensor(type, shape) { bytes in
        for (index, value) in values.enumerated() {
          if let element = narrow(value) {
            bytes.storeBytes(of: element, toByteOffset: index * MemoryLayout<Narrow>.size, as: Narrow.self)
          } else {
            outside = value
          }
        }
      }
      if let outside {
        throw RNNError(
          .badData, place: place, "an element is \(outside), which \(type.rawValue) cannot hold",
          remedy: Self.remedy)
      }
      guard let tensor else {
        throw RNNError(.badData, place: place, "more elements than memory can hold", remedy: Self.remedy)
      }
      return tensor
    }
    switch type {
    case .float32: return try make(proto.floatData) { $0 }
    case .complex64: return try make(proto.floatData, perElement: 2) { $0 }
    case .float64: return try make(proto.doubleData) { $0 }
    case .complex128: return try make(proto.doubleData, perElement: 2) { $0 }
    case .int64: return try make(proto.int64Data) { $0 }
    case .uint64: return try make(proto.uint64Data) { $0 }
    case .uint32: return try make(proto.uint64Data) { UInt32(exactly: $0) }
    case .int32: return try make(proto.int32Data) { $0 }
    case .int16: return try make(proto.int32Data) { Int16(exactly: $0) }
    case .int8: return try make(proto.int32Data) { Int8(exactly: $0) }
    case .uint16, .float16, .bfloat16: return try make(proto.int32Data) { UInt16(exactly: $0) }
    case .uint8, .float8_e4m3fn, .float8_e5m2: return try make(proto.int32Data) { UInt8(exactly: $0) }
    case .bool: return try make(proto.int32Data) { $0 == 0 || $0 == 1 ? UInt8($0) : nil }
    }
  }
}

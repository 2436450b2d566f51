import RNNModel

/// An array as JSON, for containers with text metadata:
/// `{"name": "cases/first/input", "dtype": "float32", "shape": [2], "base64": "AACAPwAAAEA="}`, little-endian.
package enum EncodedArray {
  package static func json(_ array: NamedTensor) -> JSONValue {
    .object([
      .init("name", .string(array.name)), .init("dtype", .string(array.tensor.elementType.rawValue)),
      .init("shape", .array(array.tensor.shape.dimensions.map { .integer(Int64($0)) })),
      .init("base64", .string(array.tensor.withUnsafeBytes(Base64.text))),
    ])
  }

  /// Parses a list of outputs of `json`.
  package static func arrays(_ json: JSONValue, at place: String) throws(RNNError) -> [NamedTensor] {
    guard let list = json.array else {
      throw RNNError(.badData, place: place, "not a list", remedy: "write the file again")
    }
    var arrays: [NamedTensor] = []
    for (index, value) in list.enumerated() { arrays.append(try array(value, at: "\(place)[\(index)]")) }
    return arrays
  }

  private static func array(_ json: JSONValue, at place: String) throws(RNNError) -> NamedTensor {
    func refuse(_ problem: String) -> RNNError {
      RNNError(.badData, place: place, problem, remedy: "write the file again")
    }
    guard json.members?.map(\.key).sorted() == ["base64", "dtype", "name", "shape"], let name = json["name"]?.string,
      let type = json["dtype"]?.string.flatMap(ElementType.init(rawValue:)),
      let sizes = json["shape"]?.array, let text = json["base64"]?.string,
      let shape = Shape(sizes.compactMap(\.integer)), shape.rank == sizes.count
    else { throw refuse("not an object of name, dtype, shape and base64") }
    guard let bytes = Base64.bytes(text),
      case (let size, let overflow) = shape.count.multipliedReportingOverflow(by: type.byteCount), !overflow,
      size == bytes.count,
      let tensor = Tensor(type, shape, fill: { $0.copyBytes(from: bytes) })
    else { throw refuse("its base64 does not hold the bytes of \(type.rawValue) \(shape)") }
    return NamedTensor(name, tensor)
  }
}

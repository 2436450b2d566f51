import RNNModel

/// RNNKit's layout of an HDF5 file; `Schemas/hdf5.md` is its specification.
///
///     /                       attributes format = "rnnkit", format_version = 1, architecture (JSON), metadata (a JSON
///                             object)
///     /state_dict/<name>      a tensor under PyTorch's name
///     /cases/<case>/<member>  a reference case; attribute metadata (JSON object)
enum HDF5Layout {
  static let format = "rnnkit"
  static let version: Int64 = 1
  static let stateDict = "state_dict"
  static let cases = "cases"

  static let formatKey = "format"
  static let versionKey = "format_version"
  static let architectureKey = "architecture"
  static let metadataKey = "metadata"
  /// On `/state_dict`: false if the tensors' order is not the model's own.
  static let orderedKey = "ordered"
  /// On a dataset: the element type, if HDF5 lacks it and the bits are stored as unsigned integers.
  static let typeKey = "dtype"
  /// On a dataset or case: its real name, if HDF5 cannot hold it.
  static let nameKey = "name"
  /// Members of an archive's metadata: attributes of groups and datasets by path, and what could not be read.
  static let attributesMember = "hdf5_attributes"
  static let unreadableMember = "hdf5_unreadable"

  /// The unsigned integer type that holds a type's bits; nil if HDF5 has the type.
  static func carrier(of type: ElementType) -> ElementType? {
    switch type {
    case .bfloat16: .uint16
    case .float8_e4m3fn, .float8_e5m2: .uint8
    default: nil
    }
  }

  /// The link name for an object called `name`; if they differ, `nameKey` holds the real name. HDF5 splits names at
  /// slashes and takes a lone dot for the group itself. These characters and the percent sign are escaped as in URLs, so
  /// that different names stay different.
  static func linkName(_ name: String) -> String {
    switch name {
    case "": return "%"
    case ".": return "%2E"
    default:
      guard name.utf8.contains(where: { $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: "%") }) else { return name }
      var result = ""
      for scalar in name.unicodeScalars {
        switch scalar {
        case "/": result += "%2F"
        case "%": result += "%25"
        default: result.unicodeScalars.append(scalar)
        }
      }
      return result
    }
  }
}

extension Tensor {
  /// The same bytes as elements of another type of the same size.
  func reinterpreted(as type: ElementType) -> Tensor? {
    type.byteCount == elementType.byteCount ? Tensor(type, shape, in: storage, at: offset) : nil
  }
}

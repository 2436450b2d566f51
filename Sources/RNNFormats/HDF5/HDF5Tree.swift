import RNNModel

/// What an HDF5 file holds, as a plain value: groups, datasets and attributes, with nothing of libhdf5 in it.
///
/// The tree says what is there; what it means (RNNKit's layout, a plain dump, Keras) is decided by the code that is
/// given it.
public struct HDF5Tree: Sendable {
  public var root: Group
  /// What the file holds and the tree cannot, in the order it was met.
  public var unreadable: [Unreadable]

  public init(root: Group = Group(), unreadable: [Unreadable] = []) {
    self.root = root
    self.unreadable = unreadable
  }

  /// A named value at a group or dataset.
  ///
  /// Strings, whole numbers, numbers and HDF5's bool (h5py's enumeration) are `string`, `integer`, `number` and `bool`;
  /// arrays of them are arrays, nested where they have several axes; an attribute without a value is `null`.
  public struct Attribute: Sendable, Hashable {
    public var name: String
    public var value: JSONValue

    public init(_ name: String, _ value: JSONValue) {
      self.name = name
      self.value = value
    }
  }

  public struct Group: Sendable {
    /// In order of creation where the file keeps it, else by name.
    public var attributes: [Attribute]
    /// In order of creation where `isOrdered`, else by name.
    public var children: [Child]
    /// Whether the file keeps the order in which children were made.
    public var isOrdered: Bool

    public init(attributes: [Attribute] = [], children: [Child] = [], isOrdered: Bool = true) {
      self.attributes = attributes
      self.children = children
      self.isOrdered = isOrdered
    }

    /// The value of an attribute.
    public subscript(attribute name: String) -> JSONValue? {
      attributes.first { $0.name == name }?.value
    }

    /// What a path of child names leads to: `lstm/kernel:0`. A leading slash means nothing.
    public subscript(path: String) -> Node? {
      var node: Node = .group(self)
      for name in path.split(separator: "/") {
        guard case .group(let group) = node, let child = group.children.first(where: { $0.name == name }) else {
          return nil
        }
        node = child.node
      }
      return node
    }
  }

  public struct Child: Sendable {
    public var name: String
    public var node: Node

    public init(_ name: String, _ node: Node) {
      self.name = name
      self.node = node
    }
  }

  public enum Node: Sendable {
    case group(Group)
    case dataset(Dataset)
    /// A dataset of strings.
    case strings(Strings)

    public var attributes: [Attribute] {
      switch self {
      case .group(let group): group.attributes
      case .dataset(let dataset): dataset.attributes
      case .strings(let strings): strings.attributes
      }
    }
  }

  /// A dataset of numbers, little-endian and row-major whatever the file has.
  public struct Dataset: Sendable {
    /// HDF5's own types: a bfloat16 that was stored as uint16 with an attribute is uint16 here.
    public var tensor: Tensor
    public var attributes: [Attribute]
    /// Where in the file the tensor's bytes stand, where they stand there unchanged; nil where they were unpacked or
    /// converted.
    public var fileOffset: Int?

    public init(_ tensor: Tensor, attributes: [Attribute] = [], fileOffset: Int? = nil) {
      self.tensor = tensor
      self.attributes = attributes
      self.fileOffset = fileOffset
    }

    /// The value of an attribute.
    public subscript(attribute name: String) -> JSONValue? {
      attributes.first { $0.name == name }?.value
    }
  }

  public struct Strings: Sendable {
    /// Row-major; as many as `shape` says.
    public var values: [String]
    public var shape: Shape
    public var attributes: [Attribute]

    public init(_ values: [String], _ shape: Shape, attributes: [Attribute] = []) {
      self.values = values
      self.shape = shape
      self.attributes = attributes
    }

    /// One string, or arrays of them nested by axes.
    public var json: JSONValue { JSONValue.nested(values.map { .string($0) }, shape.dimensions) }
  }

  /// Something that the tree cannot hold.
  public struct Unreadable: Sendable, Hashable {
    /// What the tree lacks by it.
    public enum Loss: String, Sendable, Hashable {
      /// A dataset, or a link in the place of one.
      case numbers
      /// A second name of a group.
      case name
      /// An attribute, text, or something that holds no numbers.
      case metadata
    }

    /// `/group/dataset`, or `/group/dataset, attribute name`.
    public var path: String
    /// What it is: `a compound type`.
    public var reason: String
    public var loss: Loss
    /// What the file's owner can do; empty where no numbers are lost.
    public var remedy: String

    public init(_ path: String, _ reason: String, losing loss: Loss = .metadata, remedy: String = "") {
      (self.path, self.reason, self.loss, self.remedy) = (path, reason, loss, remedy)
    }
  }

  /// Whether bytes are an HDF5 file: its signature stands at offset 0, or at 512, 1024, 2048 and so on after a user
  /// block. A zip archive is none, though a member of it, such as a `.keras` file's weights, may begin at such an offset.
  public static func isHDF5(_ bytes: UnsafeRawBufferPointer) -> Bool {
    if ZipArchive.begins(bytes) { return false }
    let signature: [UInt8] = [0x89, 0x48, 0x44, 0x46, 0x0D, 0x0A, 0x1A, 0x0A]
    var offset = 0
    while offset < bytes.count {
      if bytes[offset...].starts(with: signature) { return true }
      let (next, overflow) = offset == 0 ? (512, false) : offset.multipliedReportingOverflow(by: 2)
      if overflow { return false }
      offset = next
    }
    return false
  }
}

extension JSONValue {
  /// Row-major values as arrays nested by axes; the value itself where there are no axes. There must be as many values
  /// as the axes ask for.
  public static func nested(_ values: [JSONValue], _ axes: [Int]) -> JSONValue {
    nested(values[...], axes[...])
  }

  private static func nested(_ values: ArraySlice<JSONValue>, _ axes: ArraySlice<Int>) -> JSONValue {
    guard let size = axes.first else { return values.first ?? .null }
    if axes.count == 1 { return .array(Array(values)) }
    guard size > 0, !values.isEmpty else { return .array([]) }
    let stride = values.count / size
    return .array((0..<size).map { index in
      let start = values.startIndex + index * stride
      return nested(values[start..<start + stride], axes.dropFirst())
    })
  }
}

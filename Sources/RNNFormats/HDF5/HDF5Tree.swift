import RNNModel

/// The content of an HDF5 file as a plain value: groups, datasets and attributes, independent of libhdf5.
///
/// The tree is not interpreted: code that uses it decides whether it is RNNKit's layout, a plain dump or Keras.
public struct HDF5Tree: Sendable {
  /// The root group.
  public var root: Group
  /// Objects of the file that the tree cannot hold, in the order in which they were found.
  public var unreadable: [Unreadable]

  /// Makes a tree; `unreadable` lists what could not be read.
  public init(root: Group = Group(), unreadable: [Unreadable] = []) {
    self.root = root
    self.unreadable = unreadable
  }

  /// A named value at a group or dataset.
  ///
  /// Strings, integers, floating-point numbers and bool (h5py's enumeration) are `string`, `integer`, `number` and `bool`.
  /// Arrays of them are arrays, nested by axes. An attribute without a value is `null`.
  public struct Attribute: Sendable, Hashable {
    /// The attribute's name.
    public var name: String
    /// The attribute's value.
    public var value: JSONValue

    /// Makes an attribute.
    public init(_ name: String, _ value: JSONValue) {
      self.name = name
      self.value = value
    }
  }

  /// A group: attributes and children.
  public struct Group: Sendable {
    /// In creation order if the file tracks it, else by name.
    public var attributes: [Attribute]
    /// In creation order if `isOrdered`, else by name.
    public var children: [Child]
    /// Whether the file tracks the creation order of the children.
    public var isOrdered: Bool

    /// Makes a group.
    public init(attributes: [Attribute] = [], children: [Child] = [], isOrdered: Bool = true) {
      self.attributes = attributes
      self.children = children
      self.isOrdered = isOrdered
    }

    /// The value of an attribute.
    public subscript(attribute name: String) -> JSONValue? {
      attributes.first { $0.name == name }?.value
    }

    /// The node at a path of child names: `lstm/kernel:0`. A leading slash is ignored.
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

  /// A child of a group under its link's name.
  public struct Child: Sendable {
    /// The link's name.
    public var name: String
    /// What the link leads to.
    public var node: Node

    /// Makes a child.
    public init(_ name: String, _ node: Node) {
      self.name = name
      self.node = node
    }
  }

  /// What a link leads to.
  public enum Node: Sendable {
    /// A group.
    case group(Group)
    /// A dataset of numbers.
    case dataset(Dataset)
    /// A dataset of strings.
    case strings(Strings)

    /// The node's attributes, in the file's order.
    public var attributes: [Attribute] {
      switch self {
      case .group(let group): group.attributes
      case .dataset(let dataset): dataset.attributes
      case .strings(let strings): strings.attributes
      }
    }
  }

  /// A dataset of numbers. Its tensor is little-endian and row-major, whatever the file's byte order.
  public struct Dataset: Sendable {
    /// Has HDF5's type: a bfloat16 that is stored as uint16 with an attribute is uint16 here.
    public var tensor: Tensor
    /// The dataset's attributes, in the file's order.
    public var attributes: [Attribute]
    /// The offset of the tensor's bytes in the file; nil if they were unpacked or converted.
    public var fileOffset: Int?

    /// Makes a dataset; `fileOffset` is where its bytes are in the file, if it is contiguous.
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

  /// A dataset of strings.
  public struct Strings: Sendable {
    /// Row-major; as many as `shape` says.
    public var values: [String]
    /// The dataset's shape; empty for a single string.
    public var shape: Shape
    /// The dataset's attributes, in the file's order.
    public var attributes: [Attribute]

    public init(_ values: [String], _ shape: Shape, attributes: [Attribute] = []) {
      self.values = values
      self.shape = shape
      self.attributes = attributes
    }

    /// One string, or nested arrays of strings.
    public var json: JSONValue { JSONValue.nested(values.map { .string($0) }, shape.dimensions) }
  }

  /// Something that the tree cannot hold.
  public struct Unreadable: Sendable, Hashable {
    /// What the tree loses.
    public enum Loss: String, Sendable, Hashable {
      /// A dataset, or a link that may lead to one.
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
    /// What is lost with it.
    public var loss: Loss
    /// What the user can do; empty if no numbers are lost.
    public var remedy: String

    public init(_ path: String, _ reason: String, losing loss: Loss = .metadata, remedy: String = "") {
      (self.path, self.reason, self.loss, self.remedy) = (path, reason, loss, remedy)
    }
  }

  /// Whether bytes are an HDF5 file: its signature is at offset 0, or at 512, 1024, 2048 and so on after a user block.
  /// Zip archives are excluded, because a member, such as a `.keras` file's weights, may begin at such an offset.
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
  /// Row-major values as arrays nested by axes; the value itself if there are no axes. The number of values must match the
  /// axes.
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

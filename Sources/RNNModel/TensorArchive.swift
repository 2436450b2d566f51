/// A tensor under its name.
public struct NamedTensor: Sendable {
  /// The tensor's name.
  public var name: String
  /// The tensor.
  public var tensor: Tensor

  /// Makes a named tensor.
  public init(_ name: String, _ tensor: Tensor) {
    self.name = name
    self.tensor = tensor
  }
}

/// Inputs and states, and the outputs the exporting framework gave for them.
///
/// Members: `input`, `h0`, `c0`, `lengths` in; `output`, `hn`, `cn`, `y` out; `<module>.hn` and the like where a chain has
/// several recurrent modules.
public struct ReferenceCase: Sendable {
  /// The case's name, unique in its archive.
  public var name: String
  /// The arrays, each under its name: `input`, `h0`, `output`, `y`.
  public var members: [NamedTensor]
  /// How the case was made, and `modules` where it is of a part of the chain.
  public var metadata: [JSONValue.Member]

  /// Makes a case. Nothing is checked until it is used.
  public init(name: String, members: [NamedTensor], metadata: [JSONValue.Member] = []) {
    self.name = name
    self.members = members
    self.metadata = metadata
  }

  /// The member of that name; nil if there is none.
  public subscript(member: String) -> Tensor? { members.first { $0.name == member }?.tensor }
}

/// What a file holds, as it was found: nothing here is checked against anything else but names, which are unique.
///
/// Readers return archives in PyTorch's names and gate order. `Model` is an archive found to be a model.
public struct TensorArchive: Sendable {
  /// What a file says of its modules beyond the tensors' shapes, for files without a whole architecture.
  public struct Hints: Sendable, Hashable {
    /// By module name.
    public var nonlinearity: [String: Activation] = [:]
    /// Whether inputs are (batch, time, features); nil if the file does not say.
    public var batchFirst: Bool?
    /// Whether the archive's architecture was worked out from arrays alone, which leaves what the hints do not tell as open
    /// as having no architecture does.
    public var leavesLayoutOpen = false
    /// What the file's code computes, as a forward line: `fc(last(lstm(x)))`.
    public var forwardLine: String?
    /// What the code calls tensors that were renamed since, by their new names.
    public var renamed: [String: String] = [:]
    /// What modules are whose tensors leave it open, by name.
    public var kinds: [String: Kind] = [:]
    /// What calls of modules without tensors of their own do, by name.
    public var calls: [String: ModuleCall] = [:]
    /// What modules were made with, by name, where the file or the user says it.
    public var declarations: [String: ModuleDeclaration] = [:]
    /// Numbers that the whole module keeps under names of its own, such as `hidden_size`.
    public var constants: [String: Double] = [:]
    /// Modules known by their class to be none that RNNKit runs, in the archive's order.
    public var unknown: [Unknown] = []

    /// What a module is whose tensors fit several kinds.
    public enum Kind: Sendable, Hashable {
      case linear, embedding, prelu
    }

    /// A module of a class that RNNKit does not know.
    public struct Unknown: Sendable, Hashable {
      /// The module's name.
      public var name: String
      /// `Conv1d`
      public var className: String
      /// How many tensors come before it.
      public var position: Int

      public init(name: String, className: String, position: Int) {
        (self.name, self.className, self.position) = (name, className, position)
      }
    }

    /// Makes hints that say nothing.
    public init() {}
  }

  /// In the file's order.
  public private(set) var tensors: [NamedTensor] = []
  /// Whether the order is the model's own, rather than alphabetical or none.
  public var isOrdered: Bool
  /// What the file says the tensors compute, where it does.
  public var architecture: Architecture?
  /// What the file says of the computation.
  public var hints = Hints()
  /// The reference cases.
  public var cases: [ReferenceCase] = []
  /// What reading changed or passed over, one sentence each: names mapped, gates reordered, entries left out.
  public var notes: [Phrase] = []
  /// What the file asks for and RNNKit does not do. A model is made only without any.
  public var departures: [Departure] = []
  /// Free metadata, in the file's order.
  public var metadata: [JSONValue.Member] = []
  private var positions: [String: Int] = [:]

  /// Makes an empty archive; `isOrdered` says whether the order of its tensors is the model's.
  public init(isOrdered: Bool = true) {
    self.isOrdered = isOrdered
  }

  /// Adds a tensor. Refuses a second one of the same name, and names and counts beyond `Limits`.
  public mutating func append(_ name: String, _ tensor: Tensor) throws(RNNError) {
    guard name.utf8.count <= Limits.maximumNameLength else {
      throw RNNError(.badData, place: "tensor \(name.prefix(60))…",
        "the name is longer than \(Limits.maximumNameLength) bytes", remedy: "rename the tensor")
    }
    guard tensors.count < Limits.maximumTensorCount else {
      throw RNNError(.badData, "more than \(Limits.maximumTensorCount) tensors", remedy: "split the file")
    }
    guard positions.updateValue(tensors.count, forKey: name) == nil else {
      throw RNNError(.badData, place: "tensor \(name)", "the name stands twice", remedy: "write the file again")
    }
    tensors.append(NamedTensor(name, tensor))
  }

  /// The same archive with every tensor replaced by what `transform` makes of it; names and order stay.
  public func mapTensors(_ transform: (NamedTensor) throws(RNNError) -> Tensor) throws(RNNError) -> TensorArchive {
    var copy = self
    for index in copy.tensors.indices { copy.tensors[index].tensor = try transform(copy.tensors[index]) }
    return copy
  }

  /// The same archive under other names. Refuses names that come out twice.
  public func renamingTensors(_ rename: (String) throws(RNNError) -> String) throws(RNNError) -> TensorArchive {
    var copy = self
    copy.tensors = []
    copy.positions = [:]
    for tensor in tensors { try copy.append(try rename(tensor.name), tensor.tensor) }
    return copy
  }

  /// The same archive without the tensors `gone`, and with others where some of these stood.
  func replacingTensors(_ gone: Set<String>, by new: [String: NamedTensor]) throws(RNNError) -> TensorArchive {
    guard !gone.isEmpty else { return self }
    var copy = self
    copy.tensors = []
    copy.positions = [:]
    var unknown = hints.unknown.indices[...]
    for (position, tensor) in tensors.enumerated() {
      while let next = unknown.first, hints.unknown[next].position <= position {
        copy.hints.unknown[next].position = copy.tensors.count
        unknown = unknown.dropFirst()
      }
      if let new = new[tensor.name] {
        try copy.append(new.name, new.tensor)
      } else if !gone.contains(tensor.name) {
        try copy.append(tensor.name, tensor.tensor)
      }
    }
    for index in unknown { copy.hints.unknown[index].position = copy.tensors.count }
    return copy
  }

  /// The same archive with those tensors alone whose names are wanted.
  func keepingTensors(_ isWanted: (String) -> Bool) -> TensorArchive {
    var copy = self
    copy.tensors = tensors.filter { isWanted($0.name) }
    copy.positions = [:]
    for (position, tensor) in copy.tensors.enumerated() { copy.positions[tensor.name] = position }
    return copy
  }

  /// The tensor of that name.
  public subscript(name: String) -> Tensor? { positions[name].map { tensors[$0].tensor } }
}

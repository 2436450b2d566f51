import RNNModel

extension Plan {
  /// What a run keeps of what it computes, and where. What is not kept takes no memory.
  public struct Keeping {
    /// Names among `Plan.members`; nil for all of them.
    public var members: Set<String>?
    /// Whether `Outputs.state` has the run's last states where no member that is kept is of them. Else it has no rows.
    public var state: Bool
    /// Where members go, by their names; the others have memory of their own. `hn` and `cn`, which are made of the state,
    /// have no room.
    public var rooms: [String: Room]

    public init(members: Set<String>? = nil, state: Bool = true, rooms: [String: Room] = [:]) {
      self.members = members
      self.state = state
      self.rooms = rooms
    }

    func keeps(_ name: String) -> Bool { members?.contains(name) ?? true }
  }

  /// Memory for a member's values, such as a mapped file's. It is written in any order, by several threads where a run has
  /// them.
  public struct Room {
    /// The memory to write to.
    public let bytes: UnsafeMutableRawBufferPointer
    let storage: TensorStorage

    /// - Parameters:
    ///   - bytes: As many as the member has, aligned to an element.
    ///   - storage: The same bytes, which are valid as long as it is; told to forget them while they are written.
    public init(_ bytes: UnsafeMutableRawBufferPointer, in storage: TensorStorage) {
      self.bytes = bytes
      self.storage = storage
    }
  }
}

/// A tensor being written.
struct KeptTensor {
  let tensor: Tensor
  let base: UnsafeMutableRawPointer
  /// Elements of a row.
  let features: Int

  /// In `room`, or memory of its own. Throws where the room is not the tensor's size.
  init(_ name: String, _ shape: Shape, _ precision: Precision, in room: Plan.Room?) throws(RNNError) {
    let storage: TensorStorage
    if let room {
      guard room.bytes.count == room.storage.count, room.bytes.count / precision.size == shape.count,
        room.bytes.count % precision.size == 0, let start = room.bytes.baseAddress,
        Int(bitPattern: start) % precision.size == 0
      else {
        throw RNNError(.usage, place: name, "room of \(room.bytes.count) bytes for \(precision.rawValue) \(shape)",
          remedy: "give it \(shape.count) aligned elements")
      }
      (base, storage) = (start, room.storage)
    } else {
      let memory = try AlignedMemory(reals: shape.count, precision)
      base = memory.base
      storage = TensorStorage(UnsafeRawBufferPointer(start: memory.base, count: shape.count * precision.size)) {
        withExtendedLifetime(memory) {}
      }
    }
    guard let tensor = Tensor(precision.elementType, shape, in: storage) else {
      throw RNNError(.defect, "a tensor of \(shape) cannot be made")
    }
    self.tensor = tensor
    features = shape.dimensions.last ?? 1
  }
}

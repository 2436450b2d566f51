/// A JSON value that keeps the order of an object's members, for metadata and for architectures.
///
/// Integers stay integers: 1 and 1.0 are different values, and both come back as they were, as does an integer of any size.
public enum JSONValue: Sendable, Hashable {
  /// `null`
  case null
  /// `true` or `false`
  case bool(Bool)
  /// A number without a point or an exponent.
  case integer(Int64)
  /// The digits of an integer that `Int64` does not hold, such as a random seed of 64 bits; a minus sign may lead them.
  case largeInteger(String)
  /// Any other number, as the nearest float64.
  case number(Double)
  case string(String)
  case array([JSONValue])
  case object([Member])

  /// A member of an object.
  public struct Member: Sendable, Hashable {
    /// The member's key.
    public var key: String
    /// The member's value.
    public var value: JSONValue

    public init(_ key: String, _ value: JSONValue) {
      self.key = key
      self.value = value
    }
  }

  /// The value of an object's member, nil where this is no object or has no such member.
  public subscript(key: String) -> JSONValue? {
    guard case .object(let members) = self else { return nil }
    return members.first { $0.key == key }?.value
  }

  /// The string; nil for a value of another kind.
  public var string: String? {
    if case .string(let value) = self { value } else { nil }
  }

  /// The truth value; nil for a value of another kind.
  public var bool: Bool? {
    if case .bool(let value) = self { value } else { nil }
  }

  /// The integer; nil for a value of another kind, and for a number with a fraction.
  public var integer: Int? {
    if case .integer(let value) = self { Int(exactly: value) } else { nil }
  }

  /// A number, written with or without a fraction.
  public var double: Double? {
    switch self {
    case .integer(let value): Double(value)
    case .largeInteger(let digits): Double(digits)
    case .number(let value): value
    default: nil
    }
  }

  /// The elements; nil for a value of another kind.
  public var array: [JSONValue]? {
    if case .array(let value) = self { value } else { nil }
  }

  /// The members; nil for a value of another kind.
  public var members: [Member]? {
    if case .object(let value) = self { value } else { nil }
  }
}

import RNNModel

/// Takes the members of a JSON object one by one, and refuses those that nobody asked for.
struct JSONObjectReader {
  private var members: [String: JSONValue]
  /// Where the object is, for errors: `architecture.modules[0]`.
  let place: String

  init(_ value: JSONValue, at place: String) throws(RNNError) {
    guard let members = value.members else {
      throw RNNError(.badData, place: place, "not a JSON object", remedy: Self.remedy)
    }
    self.members = Dictionary(members.map { ($0.key, $0.value) }, uniquingKeysWith: { first, _ in first })
    self.place = place
  }

  private static let remedy = "compare with the schema, or write the file again"

  func error(_ key: String, _ problem: String) -> RNNError {
    RNNError(.badData, place: "\(place).\(key)", problem, remedy: Self.remedy)
  }

  /// The member, or nil where there is none.
  mutating func optional(_ key: String) -> JSONValue? {
    members.removeValue(forKey: key)
  }

  /// Drops the members that `isHarmless` says change nothing.
  mutating func ignore(_ isHarmless: (String, JSONValue) -> Bool) {
    members = members.filter { !isHarmless($0.key, $0.value) }
  }

  func has(_ key: String) -> Bool { members[key] != nil }

  mutating func required(_ key: String) throws(RNNError) -> JSONValue {
    guard let value = members.removeValue(forKey: key) else { throw error(key, "missing") }
    return value
  }

  mutating func string(_ key: String) throws(RNNError) -> String {
    guard let value = try required(key).string else { throw error(key, "not a string") }
    return value
  }

  mutating func integer(_ key: String, default standard: Int? = nil) throws(RNNError) -> Int {
    guard let value = members.removeValue(forKey: key) else {
      if let standard { return standard }
      throw error(key, "missing")
    }
    guard let integer = value.integer, integer >= 0 else { throw error(key, "not a whole number from 0") }
    return integer
  }

  mutating func bool(_ key: String, default standard: Bool) throws(RNNError) -> Bool {
    guard let value = members.removeValue(forKey: key) else { return standard }
    guard let bool = value.bool else { throw error(key, "neither true nor false") }
    return bool
  }

  mutating func double(_ key: String, default standard: Double) throws(RNNError) -> Double {
    guard let value = members.removeValue(forKey: key) else { return standard }
    guard let double = value.double else { throw error(key, "not a number") }
    return double
  }

  mutating func array(_ key: String) throws(RNNError) -> [JSONValue] {
    guard let array = try required(key).array else { throw error(key, "not a list") }
    return array
  }

  /// Refuses members that were not taken.
  func finish() throws(RNNError) {
    if let key = members.keys.sorted().first {
      throw RNNError(.badData, place: "\(place).\(key)", "an unknown key, which may change what the model computes",
        remedy: "use a newer RNNKit, or correct the key")
    }
  }
}

import RNNFormats
import RNNModel

/// New names for tensors, so that a file that follows no convention is understood.
///
/// A rule's old name may hold one `*`, which stands for any run of characters and is put into the new name's `*`. The first
/// rule that fits a name is used.
public struct NameMapping: Sendable, Hashable {
  private var rules: [(old: String, new: String)] = []

  public init() {}

  public static func == (first: NameMapping, second: NameMapping) -> Bool {
    first.rules.elementsEqual(second.rules) { $0 == $1 }
  }

  public func hash(into hasher: inout Hasher) {
    for rule in rules {
      hasher.combine(rule.old)
      hasher.combine(rule.new)
    }
  }

  /// Adds a rule written `OLD=NEW`.
  public mutating func add(_ rule: String) throws(RNNError) {
    guard let equals = rule.firstIndex(of: "="), equals != rule.startIndex else {
      throw RNNError(.usage, "--rename \(rule): expected OLD=NEW", remedy: "write it as --rename enc_w_ih=gru.weight_ih_l0")
    }
    try add(String(rule[..<equals]), String(rule[rule.index(after: equals)...]), place: "--rename \(rule)")
  }

  /// Adds the rules of a mapping file, `{"rename": {"enc_w_ih": "gru.weight_ih_l0"}}`; `Schemas/mapping.schema.json`.
  public mutating func add(contentsOf file: InputFile) throws(RNNError) {
    do throws(RNNError) {
      guard file.count <= Limits.maximumHeaderSize else {
        throw RNNError(.badData, "larger than \(Limits.maximumHeaderSize) bytes", remedy: "name fewer tensors")
      }
      let json = try file.withUnsafeBytes { (bytes) throws(RNNError) in try JSONValue(parsing: bytes) }
      guard json.members?.map(\.key) == ["rename"], let members = json["rename"]?.members else {
        throw RNNError(.badData, place: "mapping", "expected an object with the one key \"rename\"",
          remedy: "compare with Schemas/mapping.schema.json")
      }
      for member in members {
        guard let new = member.value.string else {
          throw RNNError(.badData, place: "rename.\(member.key)", "not a string", remedy: "give the tensor's new name")
        }
        try add(member.key, new, place: "rename.\(member.key)")
      }
    } catch {
      throw error.inFile(file.path)
    }
  }

  private mutating func add(_ old: String, _ new: String, place: String) throws(RNNError) {
    let stars = old.utf8.count { $0 == UInt8(ascii: "*") }
    guard stars <= 1, new.utf8.count(where: { $0 == UInt8(ascii: "*") }) <= stars, !new.isEmpty else {
      throw RNNError(.usage, place: place, "a rule takes one * on each side at the most, and a new name",
        remedy: "write several rules")
    }
    rules.append((old, new))
  }

  /// The archive under the new names, with a note for each tensor renamed. A rule that fits no tensor is refused: it is a
  /// slip of the pen.
  public func apply(to archive: TensorArchive) throws(RNNError) -> TensorArchive {
    guard !rules.isEmpty else { return archive }
    var used = Set<Int>()
    var notes: [String] = []
    var result = try archive.renamingTensors { (name) in
      for (index, rule) in rules.enumerated() {
        guard let new = Self.match(name, rule) else { continue }
        used.insert(index)
        notes.append("\(name) renamed to \(new)")
        return new
      }
      return name
    }
    if let index = rules.indices.first(where: { !used.contains($0) }) {
      throw RNNError(.usage, "--rename \(rules[index].old)=\(rules[index].new): no tensor has that name",
        remedy: "see the names with 'rnn inspect'")
    }
    result.notes += notes
    return result
  }

  private static func match(_ name: String, _ rule: (old: String, new: String)) -> String? {
    guard let star = rule.old.firstIndex(of: "*") else { return name == rule.old ? rule.new : nil }
    let (head, tail) = (rule.old[..<star], rule.old[rule.old.index(after: star)...])
    guard name.utf8.count >= head.utf8.count + tail.utf8.count, name.hasPrefix(head), name.hasSuffix(tail) else {
      return nil
    }
    let middle = name.dropFirst(head.count).dropLast(tail.count)
    return rule.new.split(separator: "*", omittingEmptySubsequences: false).joined(separator: String(middle))
  }
}

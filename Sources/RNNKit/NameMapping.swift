import RNNFormats
import RNNModel

/// New names for tensors, so that a file that follows no convention is understood.
///
/// A rule's old name may hold one `*`, which stands for any run of characters and is put into the new name's `*`. The first
/// rule that fits a name is used.
public struct NameMapping: Sendable, Hashable {
  private var rules: [(old: String, new: String)] = []
  /// Whether a rule that fits no tensor is passed over rather than refused as a slip of the pen.
  public var allowsUnusedRules = false

  /// Makes a mapping without rules, which changes nothing.
  public init() {}

  public static func == (first: NameMapping, second: NameMapping) -> Bool {
    first.rules.elementsEqual(second.rules) { $0 == $1 } && first.allowsUnusedRules == second.allowsUnusedRules
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
      throw RNNError(.usage, "\(.renames, rule): expected OLD=NEW", remedy: "write it as \(.renames, "enc_w_ih=gru.weight_ih_l0")")
    }
    try add(String(rule[..<equals]), String(rule[rule.index(after: equals)...]), "\(.renames, rule)")
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
        try add(member.key, new, "rename.\(member.key)")
      }
    } catch {
      throw error.inFile(file.path)
    }
  }

  private mutating func add(_ old: String, _ new: String, _ rule: Phrase) throws(RNNError) {
    let stars = old.utf8.count { $0 == UInt8(ascii: "*") }
    guard stars <= 1, new.utf8.count(where: { $0 == UInt8(ascii: "*") }) <= stars, !new.isEmpty else {
      throw RNNError(.usage, "\(rule): a rule takes one * on each side at the most, and a new name",
        remedy: "write several rules")
    }
    rules.append((old, new))
  }

  /// The archive under the new names, with a note for each tensor renamed. Where the file states its architecture and all
  /// parameters of a module get one new prefix, the module has it too.
  ///
  /// Throws for a rule that fits no tensor, and for names that come out twice.
  public func apply(to archive: TensorArchive) throws(RNNError) -> TensorArchive {
    guard !rules.isEmpty else { return archive }
    var used = Set<Int>()
    var notes: [Phrase] = []
    var old: [String: String] = [:]
    var result: TensorArchive
    do throws(RNNError) {
      result = try archive.renamingTensors { (name) in
        guard let (index, new) = newName(name) else { return name }
        used.insert(index)
        if new != name {
          notes.append("\(name) renamed to \(new)")
          old[new] = name
        }
        return new
      }
    } catch {
      var error = error
      error.kind = .usage
      error.problem += " once the tensors are renamed"
      error.remedy = "choose another new name"
      throw error
    }
    if result.hints.forwardLine != nil { result.hints.renamed = old }
    try renameModules(of: &result)
    try addZeroBiases(to: &result, &notes)
    if !allowsUnusedRules, let index = rules.indices.first(where: { !used.contains($0) }) {
      throw RNNError(.usage, "\(.renames, "\(rules[index].old)=\(rules[index].new)"): no tensor has that name",
        remedy: "see the names with \(.inspect)")
    }
    result.notes += notes
    return result
  }

  /// A rule that calls a layer's only bias `bias_ih` leaves the other out, which is zero: their sum is all that an RNN or
  /// LSTM computes with. A GRU's two are not summed, so that one alone stays an error.
  private func addZeroBiases(to archive: inout TensorArchive, _ notes: inout [Phrase]) throws(RNNError) {
    guard archive.architecture == nil else { return }
    let targets = Set(rules.map(\.new).filter { !$0.utf8.contains(UInt8(ascii: "*")) })
    for bias in archive.tensors where targets.contains(bias.name) {
      let last = Model.split(bias.name).parameter
      guard let parameter = ParameterName(parsing: last), parameter.kind == .biasIH else { continue }
      func name(_ kind: ParameterName.Kind) -> String {
        bias.name.dropLast(last.count)
          + ParameterName(kind, layer: parameter.layer, isReverse: parameter.isReverse).description
      }
      guard archive[name(.biasHH)] == nil, let hidden = archive[name(.weightHH)], hidden.shape.rank == 2,
        hidden.shape[0] != 3 * hidden.shape[1], bias.tensor.shape.dimensions == [hidden.shape[0]],
        let zeros = Tensor(bias.tensor.elementType, bias.tensor.shape, fill: { _ in })
      else { continue }
      try archive.append(name(.biasHH), zeros)
      notes.append("\(name(.biasHH)) is zero: the layer has one bias, \(bias.name)")
    }
  }

  /// The first rule that fits a name, and what it makes of it.
  private func newName(_ name: String) -> (rule: Int, new: String)? {
    for (index, rule) in rules.enumerated() {
      if let new = Self.match(name, rule) { return (index, new) }
    }
    return nil
  }

  /// Gives the modules of a stated architecture their new prefixes, and the cases' members that are named after them.
  private func renameModules(of archive: inout TensorArchive) throws(RNNError) {
    // What the file says of an RNN goes by the module's name, which its first tensor tells.
    for (module, activation) in archive.hints.nonlinearity {
      let first = ParameterName(.weightIH, layer: 0).description
      guard let new = newName(Model.join(module, first))?.new, new.hasSuffix(first) else { continue }
      archive.hints.nonlinearity[module] = nil
      archive.hints.nonlinearity[String(new.dropLast(min(new.count, first.count + 1)))] = activation
    }
    for (module, kind) in archive.hints.kinds {
      guard let new = newName(Model.join(module, "weight"))?.new, new.hasSuffix("weight") else { continue }
      archive.hints.kinds[module] = nil
      archive.hints.kinds[String(new.dropLast(min(new.count, "weight".count + 1)))] = kind
    }
    guard var architecture = archive.architecture else { return }
    // Before the sizes that a file states are worked with.
    try Model.check(architecture)
    var prefixes: [String: String] = [:]
    for index in architecture.modules.indices {
      var module = architecture.modules[index]
      let old = module.name
      if case .unknown(var unknown) = module {
        unknown.tensorNames = unknown.tensorNames.map { newName($0)?.new ?? $0 }
        module = .unknown(unknown)
      }
      let new = try prefix(of: module)
      prefixes[old] = new
      architecture.modules[index] = module.named(new)
    }
    architecture.forward = architecture.forward?.renamed(modules: prefixes) { newName($0)?.new ?? $0 }
    archive.architecture = architecture
    guard prefixes.contains(where: { $0.key != $0.value }) else { return }
    for index in archive.cases.indices {
      for member in archive.cases[index].members.indices {
        let name = archive.cases[index].members[member].name
        let (module, last) = Model.split(name)
        guard !module.isEmpty, let new = prefixes[module] else { continue }
        archive.cases[index].members[member].name = Model.join(new, last)
      }
      for member in archive.cases[index].metadata.indices where archive.cases[index].metadata[member].key == "modules" {
        let names = archive.cases[index].metadata[member].value.array ?? []
        archive.cases[index].metadata[member].value = .array(
          names.map { name in name.string.flatMap { prefixes[$0] }.map(JSONValue.string) ?? name })
      }
    }
  }

  /// The prefix that a module's parameters have once they are renamed.
  private func prefix(of module: Module) throws(RNNError) -> String {
    var result: String?
    for (name, _) in Model.parameters(of: module) {
      let parameter = module.name.isEmpty ? name : String(name.dropFirst(module.name.count + 1))
      let new = newName(name)?.new ?? name
      let isWhole = new == parameter || new.hasSuffix("." + parameter)
      let prefix = isWhole ? String(new.dropLast(min(new.count, parameter.count + 1))) : nil
      guard let prefix, prefix == result ?? prefix else {
        throw RNNError(.usage,
          "\(.renames) would call \(name) \(new), but the file states its architecture, whose modules can only get a new prefix",
          remedy: "rename all of \(Model.join(module.name, "*")) alike, or leave the option out")
      }
      result = prefix
    }
    return result ?? module.name
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

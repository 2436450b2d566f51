/// Works out modules from the names and shapes of tensors. What is computed with them, `ForwardSuggestion` tells.
struct ArchitectureSearch {
  private let archive: TensorArchive
  private let needsRecurrent: Bool

  /// - Parameter needsRecurrent: Whether an archive without a recurrent layer is refused. It is not where the forward and its modules
  ///   are stated, as of a stack of convolutions.
  init(_ archive: TensorArchive, needsRecurrent: Bool = true) {
    self.archive = archive
    self.needsRecurrent = needsRecurrent
  }

  /// Tensors under one prefix, in the archive's order.
  private struct Group {
    var name: String
    /// The number of its first tensor.
    var position: Int
    /// Whether its module is known to be none that RNNKit runs.
    /// Of a module that RNNKit does not run.
    var className: String?
    var members: [(last: Substring, tensor: NamedTensor)] = []

    subscript(last: Substring) -> Tensor? { members.first { $0.last == last }?.tensor.tensor }
    var isRecurrent: Bool { className == nil && members.contains { ParameterName(parsing: $0.last) != nil } }
    var asUnknown: Module { .unknown(UnknownModule(name: name, className: className, tensorNames: members.map(\.tensor.name))) }
    /// The members on which a run may depend.
    var relevant: [(last: Substring, tensor: NamedTensor)] {
      members.filter { !Leftover.isHarmless($0.tensor.name, $0.tensor.tensor) }
    }
  }

  func modules() throws(RNNError) -> [Module] {
    var modules: [Module] = []
    let groups = self.groups()
    var recurrent: [Recurrent] = []
    for group in groups where group.isRecurrent { recurrent.append(try self.recurrent(group)) }
    guard !recurrent.isEmpty || !needsRecurrent else { throw NearMiss(archive).error() }
    var seen = 0
    var absent = self.unknownWithoutTensors(groups)[...]
    for group in groups {
      while let next = absent.first, next.position <= group.position {
        modules.append(try withoutTensors(next))
        absent = absent.dropFirst()
      }
      if group.className != nil, archive.hints.declarations[group.name] == nil {
        modules.append(group.asUnknown)
      } else if group.isRecurrent {
        modules.append(.recurrent(recurrent[seen]))
        modules += strays(of: group, beside: recurrent[seen])
        seen += 1
      } else {
        modules += try others(group, recurrent: recurrent, isBeforeAll: seen == 0)
      }
    }
    for next in absent { modules.append(try withoutTensors(next)) }
    return modules
  }

  private func withoutTensors(_ module: TensorArchive.Hints.Unknown) throws(RNNError) -> Module {
    guard let declaration = archive.hints.declarations[module.name] else {
      return .unknown(UnknownModule(name: module.name, className: module.className, tensorNames: []))
    }
    return try DeclaredModule(name: module.name, tensors: [:], declaration: declaration).module()
  }

  /// Activations, for one.
  private func unknownWithoutTensors(_ groups: [Group]) -> [TensorArchive.Hints.Unknown] {
    let names = Set(groups.map(\.name))
    return archive.hints.unknown.filter { !names.contains($0.name) }
  }

  private func groups() -> [Group] {
    let unknown = Dictionary(archive.hints.unknown.map { ($0.name, $0.className) }) { first, _ in first }
    var groups: [Group] = []
    var positions: [Substring: Int] = [:]
    let projected = Set(archive.tensors.compactMap { tensor -> Substring? in
      for suffix in [".in_proj_weight", ".q_proj_weight"] where tensor.name.hasSuffix(suffix) { return tensor.name.dropLast(suffix.count) }
      return nil
    })
    for (position, tensor) in archive.tensors.enumerated() {
      // The scale of whole numbers belongs to them.
      let suffix = QuantizedWeight.suffix
      if tensor.name.hasSuffix(suffix), archive[String(tensor.name.dropLast(suffix.count))]?.elementType == .int8 { continue }
      var prefix = tensor.name.lastIndex(of: ".").map { tensor.name[..<$0] } ?? ""
      // What a weight is computed from belongs to the weight's module.
      if let name = ParametrizedName(tensor.name) { prefix = tensor.name.prefix(name.owner.count) }
      // What PyTorch's attention gives goes through a layer of its own.
      if prefix.hasSuffix(".out_proj"), projected.contains(prefix.dropLast(9)) { prefix = prefix.dropLast(9) }
      let last = prefix.isEmpty && !tensor.name.hasPrefix(".") ? tensor.name[...] : tensor.name[prefix.endIndex...].dropFirst()
      if positions[prefix] == nil {
        positions[prefix] = groups.count
        let name = String(prefix)
        groups.append(Group(name: name, position: position, className: unknown[name]))
      }
      if let position = positions[prefix] { groups[position].members.append((last, tensor)) }
    }
    return groups
  }

  /// Sizes, layers, directions, bias and projection from a group's shapes. `Model` checks every tensor against the result.
  private func recurrent(_ group: Group) throws(RNNError) -> Recurrent {
    let names = group.members.compactMap { ParameterName(parsing: $0.last) }
    let isCell = names.contains { $0.layer == nil }
    func missing(_ name: ParameterName) -> RNNError {
      let whole = Model.join(group.name, name.description)
      let parts = group.members.map(\.tensor.name).filter {
        $0.hasPrefix(whole + "_") || ParametrizedName($0).map { $0.weight == name.description } == true
      }.filter { ParameterName(parsing: $0.dropFirst(group.name.isEmpty ? 0 : group.name.count + 1)) == nil }
      guard parts.isEmpty else {
        return RNNError(.badData, place: "tensor \(whole)",
          "it is computed from \(parts.listed()), and RNNKit does not know how",
          remedy: "make it a plain weight before saving the model, as torch.nn.utils.parametrize.remove_parametrizations does")
      }
      return RNNError(.badData, place: "tensor \(whole)",
        "missing, though the model's other tensors ask for it",
        remedy: "export the whole state_dict, or name the right tensor with \(.renames)")
    }
    func matrix(_ kind: ParameterName.Kind) throws(RNNError) -> Tensor {
      let name = ParameterName(kind, layer: isCell ? nil : 0)
      guard let tensor = group[name.description[...]] else { throw missing(name) }
      guard tensor.shape.rank == 2, tensor.shape[0] > 0, tensor.shape[1] > 0 else {
        throw RNNError(.badData, place: "tensor \(Model.join(group.name, name.description))",
          "its shape is \(tensor.shape), expected a matrix",
          remedy: "give it another name with \(.renames) if it is no weight, or save the whole state_dict")
      }
      return tensor
    }
    let inputWeight = try matrix(.weightIH)
    let hiddenWeight = try matrix(.weightHH)
    var hiddenSize = hiddenWeight.shape[1]
    var projSize = 0
    if names.contains(where: { $0.kind == .weightHR }) {
      let projection = try matrix(.weightHR)
      (projSize, hiddenSize) = (projection.shape[0], projection.shape[1])
    }
    let cell: Recurrent.Cell? = [.rnn, .gru, .lstm].first {
      hiddenSize.multipliedReportingOverflow(by: $0.gateCount) == (hiddenWeight.shape[0], false)
    }
    guard let cell else {
      throw RNNError(.badData, place: "tensor \(Model.join(group.name, isCell ? "weight_hh" : "weight_hh_l0"))",
        "its shape is \(hiddenWeight.shape), expected 1, 3 or 4 times as many rows as the hidden size \(hiddenSize)",
        remedy: "export the model again; no RNN, GRU or LSTM has such a weight")
    }
    let numLayers = (names.compactMap(\.layer).max() ?? 0) + 1
    var module = Recurrent(
      name: group.name, cell: cell, inputSize: inputWeight.shape[1], hiddenSize: hiddenSize, numLayers: numLayers,
      bias: names.contains { $0.kind == .biasIH || $0.kind == .biasHH },
      direction: names.contains { $0.isReverse } ? .bidirectional : .forward,
      projSize: projSize, peephole: names.contains { $0.kind == .weightPeephole }, isCell: isCell)
    // A forward of the file's own says what starts from them.
    if archive.hints.forwardLine == nil, let h0 = group["h0"], module.holdsState(h0, isCell: false) {
      let c0 = group["c0"]
      module.hasInitialState = cell != .lstm || c0.map { module.holdsState($0, isCell: true) } ?? false
    }
    let present = Set(names)
    // Names such as weight_ih_l3 beside a missing layer 2, and a cell's beside a stack's.
    for parameter in module.parameters where !present.contains(parameter.name) { throw missing(parameter.name) }
    let known = Set(module.parameters.map(\.name))
    if let stray = names.first(where: { !known.contains($0) }) {
      throw RNNError(.badData, place: "tensor \(Model.join(group.name, stray.description))",
        "does not belong to the \(cell.rawValue) that the tensors beside it make",
        remedy: "give it another prefix with \(.renames), or export the model again")
    }
    return module
  }

  /// What a group is by what the file or the user says it was made with, or by tensors that nothing else has.
  private func declared(_ group: Group) throws(RNNError) -> Module? {
    let tensors = Dictionary(group.members.map { (String($0.last), $0.tensor.tensor) }) { first, _ in first }
    if let declaration = archive.hints.declarations[group.name] {
      let declared = DeclaredModule(name: group.name, tensors: tensors, declaration: declaration)
      guard declaration.isOfFile else { return try declared.module() }
      return (try? declared.module()) ?? .unknown(
        UnknownModule(name: group.name, className: declaration.className, tensorNames: group.members.map(\.tensor.name)))
    }
    guard !group.name.isEmpty, let kind = Norm.Kind(tensors: tensors, name: group.name) else { return nil }
    return try DeclaredModule(name: group.name, tensors: tensors, declaration: ModuleDeclaration(kind.rawValue)).module()
  }

  /// What a recurrent module's group holds beside its parameters: each tensor that a run may depend on by itself.
  private func strays(of group: Group, beside module: Recurrent) -> [Module] {
    group.relevant.filter { member in
      ParameterName(parsing: member.last) == nil && !(module.hasInitialState && ["h0", "c0"].contains(member.last))
    }.map { .unknown(UnknownModule(tensor: $0.tensor.name)) }
  }

  /// A linear layer, an embedding or something that cannot be run; nothing for tensors on which no run depends.
  private func others(_ group: Group, recurrent: [Recurrent], isBeforeAll: Bool) throws(RNNError) -> [Module] {
    if let declared = try declared(group) { return [declared] }
    let members = group.relevant
    guard !members.isEmpty else { return [] }
    // The model's own tensors are not one module, and a matrix among them may be used either way round.
    if group.name.isEmpty { return members.map { .unknown(UnknownModule(tensor: $0.tensor.name)) } }
    let kind = archive.hints.kinds[group.name]
    if kind == .prelu, members.count == 1, let slopes = members.first, slopes.last == "weight", slopes.tensor.tensor.shape.rank == 1 {
      return [.prelu(PReLU(name: group.name, numParameters: slopes.tensor.tensor.count))]
    }
    let bias = members.first { $0.last == "bias" }?.tensor.tensor
    guard let weight = members.first(where: { $0.last == "weight" })?.tensor.tensor,
      weight.elementType.isWeight || weight.elementType == .int8,
      weight.shape.rank == 2, weight.shape.count > 0, members.count == (bias == nil ? 1 : 2),
      bias.map({ $0.shape.dimensions == [weight.shape[0]] && $0.elementType.isWeight }) ?? true
    else { return [group.asUnknown] }
    let (rows, columns) = (weight.shape[0], weight.shape[1])
    let feeds = recurrent.contains { $0.inputSize == columns }
    let isFed = recurrent.contains { $0.outputSize == columns }
    let isNamedEmbedding = group.name.lowercased().contains("emb")
    let seemsEmbedding = bias == nil && feeds && (isNamedEmbedding || (archive.isOrdered ? isBeforeAll : !isFed))
    if bias == nil, kind.map({ $0 == .embedding }) ?? seemsEmbedding {
      return [.embedding(Embedding(name: group.name, numEmbeddings: rows, embeddingDim: columns))]
    }
    return [.linear(Linear(name: group.name, inFeatures: columns, outFeatures: rows, bias: bias != nil))]
  }
}

extension Norm.Kind {
  /// The norm that has such tensors and no other module; nil where another one may have them.
  fileprivate init?(tensors: [String: Tensor], name: String) {
    let own = tensors.filter { $0.key != "num_batches_tracked" }
    guard let count = own.values.first?.count, count > 0,
      own.values.allSatisfy({ $0.shape.rank == 1 && $0.count == count && $0.elementType.isWeight })
    else { return nil }
    let last = name.split(separator: ".").last { Int($0) == nil }?.lowercased() ?? ""
    switch Set(own.keys) {
    case ["weight", "bias", "running_mean", "running_var"], ["running_mean", "running_var"]: self = .batch
    case ["weight", "bias"] where last.hasPrefix("ln") || last.hasSuffix("ln") || last.replacing("_", with: "").contains("layernorm"):
      self = .layer
    default: return nil
    }
  }
}

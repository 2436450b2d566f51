/// A weight that a state_dict holds in parts, because PyTorch computes it anew before every run.
///
/// Computed are those whose meaning names and shapes leave no doubt of; in float64, rounded once to the parts' type.
/// Sources: torch/nn/utils/weight_norm.py, spectral_norm.py, parametrizations.py and prune.py; fastai's
/// text/models/awdlstm.py.
struct Reparametrization {
  enum Kind {
    /// g · v / ‖v‖, the norm over all axes but one, or over all.
    case weightNorm
    /// W / (uᵀ W v), as outside of training.
    case spectralNorm
    /// The weight times its mask.
    case pruning
    /// The weight itself: weights are dropped in training only.
    case weightDrop
  }

  let kind: Kind
  /// The weight's own name.
  let name: String
  /// The names of its parts, in the order of `suffixes`.
  let parts: [String]

  /// What names end in instead of `weight`, where hooks compute it.
  private static let hooks: [(kind: Kind, suffixes: [String])] = [
    (.weightNorm, ["_g", "_v"]), (.spectralNorm, ["_orig", "_u", "_v"]), (.pruning, ["_orig", "_mask"]),
    (.weightDrop, ["_raw"]),
  ]
  /// What follows `parametrizations.weight.`, where torch.nn.utils.parametrize does.
  private static let parametrizations: [(kind: Kind, suffixes: [String])] = [
    (.weightNorm, ["original0", "original1"]), (.spectralNorm, ["original", "0._u", "0._v"]),
  ]

  /// Finds those of an archive.
  fileprivate static func all(in archive: TensorArchive) -> [Reparametrization] {
    // Of the tensors under each `….parametrizations.weight.`.
    var counts: [String: Int] = [:]
    for tensor in archive.tensors {
      if let name = ParametrizedName(tensor.name) { counts[name.stem, default: 0] += 1 }
    }
    return archive.tensors.compactMap { tensor in
      if let name = ParametrizedName(tensor.name) {
        for (kind, suffixes) in parametrizations where name.rest == suffixes[0] && counts[name.stem] == suffixes.count {
          let parts = suffixes.map { name.stem + $0 }
          guard parts.allSatisfy({ archive[$0] != nil }) else { continue }
          return Reparametrization(kind: kind, name: Model.join(name.owner, name.weight), parts: parts)
        }
        return nil
      }
      for (kind, suffixes) in hooks where tensor.name.hasSuffix(suffixes[0]) {
        let stem = String(tensor.name.dropLast(suffixes[0].count))
        // With one part more, it is something else.
        let present = Set(hooks.flatMap(\.suffixes).filter { archive[stem + $0] != nil })
        guard present == Set(suffixes) else { continue }
        return Reparametrization(kind: kind, name: stem, parts: suffixes.map { stem + $0 })
      }
      return nil
    }
  }

  /// The name under which the weight is used. fastai's wrapper keeps what it drops weights of outside of the module.
  fileprivate func target(in archive: TensorArchive) -> String {
    let (module, last) = Model.split(name)
    guard kind == .weightDrop, let parameter = ParameterName(parsing: last) else { return name }
    let inside = Model.join(module, "module")
    let isWrapper = [ParameterName.Kind.weightIH, .weightHH, .biasIH].contains { kind in
      let other = ParameterName(kind, layer: parameter.layer, isReverse: parameter.isReverse)
      return archive[Model.join(inside, other.description)] != nil
    }
    return isWrapper ? Model.join(inside, last) : name
  }

  /// `fc.weight is computed from fc.weight_g and fc.weight_v (weight_norm)`
  fileprivate func note(_ target: String) -> Phrase {
    switch kind {
    // Any parametrization of two parts has these names.
    case .weightNorm where parts[0].hasSuffix("original0"):
      "\(target) is computed from \(parts[0]) and \(parts[1]), taken as weight_norm"
    case .weightNorm: "\(target) is computed from \(parts[0]) and \(parts[1]) (weight_norm)"
    case .spectralNorm: "\(target) is computed from \(parts[0]), \(parts[1]) and \(parts[2]) (spectral_norm)"
    case .pruning: "\(target) is computed from \(parts[0]) and \(parts[1]) (pruning)"
    case .weightDrop: "\(target) is \(parts[0]): weights are dropped in training only"
    }
  }

  // MARK: Computing

  /// The weight, nil where its parts do not fit each other.
  fileprivate func weight(in archive: TensorArchive) -> Tensor? {
    let tensors = parts.compactMap { archive[$0] }
    guard tensors.count == parts.count, let first = tensors.first, first.elementType.isWeight else { return nil }
    switch kind {
    case .weightNorm: return Self.weightNorm(g: tensors[0], v: tensors[1])
    case .spectralNorm: return Self.spectralNorm(tensors[0], u: tensors[1], v: tensors[2])
    case .pruning: return Self.pruned(tensors[0], mask: tensors[1])
    case .weightDrop: return first
    }
  }

  private static func weightNorm(g: Tensor, v: Tensor) -> Tensor? {
    guard v.elementType.isWeight, (1...2).contains(v.shape.rank), let columns = v.shape.dimensions.last, columns > 0 else { return nil }
    let sizes = v.shape.dimensions
    /// The axis that has a norm for each index; nil for one norm of all.
    var axis: Int?
    if g.shape.rank > 0 {
      axis = sizes.indices.first { index in
        g.shape.dimensions == sizes.indices.map { $0 == index ? sizes[index] : 1 }
      }
      guard axis != nil else { return nil }
    }
    func index(_ position: Int) -> Int {
      switch axis {
      case nil: 0
      case 0? where sizes.count == 2: position / columns
      default: position % columns
      }
    }
    var squares = [Double](repeating: 0, count: g.count)
    v.forEachDouble { position, value in squares[index(position)] += value * value }
    let factors = zip(g.doubles, squares).map { $0 / $1.squareRoot() }
    return v.scaled { factors[index($0)] }
  }

  private static func spectralNorm(_ weight: Tensor, u: Tensor, v: Tensor) -> Tensor? {
    guard weight.shape.rank == 2, weight.count > 0, u.elementType.isWeight, v.elementType.isWeight else { return nil }
    let (rows, columns) = (weight.shape[0], weight.shape[1])
    // Along axis 1, as of transposed convolutions, u and v would have each other's sizes.
    guard u.shape.dimensions == [rows], v.shape.dimensions == [columns] else { return nil }
    let (left, right) = (u.doubles, v.doubles)
    var (sigma, turned) = (0.0, 0.0)
    weight.forEachDouble { position, value in
      let (row, column) = (position / columns, position % columns)
      sigma += left[row] * value * right[column]
      if rows == columns { turned += right[row] * value * left[column] }
    }
    // u and v are near the first singular vectors, which give the largest product: the other way round it is less.
    guard rows != columns || sigma >= turned else { return nil }
    return weight.scaled { _ in 1 / sigma }
  }

  private static func pruned(_ weight: Tensor, mask: Tensor) -> Tensor? {
    guard mask.shape == weight.shape else { return nil }
    let factors = mask.doubles
    // Types without values have none; what is no mask is something else by the same name.
    guard factors.count == weight.count, factors.allSatisfy({ $0 == 0 || $0 == 1 }) else { return nil }
    return weight.scaled { factors[$0] }
  }
}

extension Tensor {
  /// Each element times a factor, rounded once to the tensor's type.
  fileprivate func scaled(by factor: (Int) -> Double) -> Tensor? {
    let wide = Tensor(.float64, shape) { bytes in
      forEachDouble { position, value in
        bytes.storeBytes(of: value * factor(position), toByteOffset: position * 8, as: Double.self)
      }
    }
    return wide?.converted(to: elementType)?.tensor
  }
}

/// A name that torch.nn.utils.parametrize gives: `fc.parametrizations.weight.original0`.
struct ParametrizedName {
  /// `fc`
  let owner: String
  /// `weight`
  let weight: String
  /// `original0`
  let rest: String

  init?(_ name: String) {
    let parts = name.split(separator: ".", omittingEmptySubsequences: false)
    guard parts.count > 2, let index = parts.lastIndex(of: "parametrizations"), index + 2 < parts.count else { return nil }
    owner = parts[..<index].joined(separator: ".")
    weight = String(parts[index + 1])
    rest = parts[(index + 2)...].joined(separator: ".")
  }

  /// `fc.parametrizations.weight.`
  var stem: String { Model.join(owner, "parametrizations.\(weight).") }
}

extension TensorArchive {
  /// The same archive with plain weights in the place of the parts that they are computed from, and a note for each.
  func computingWeights(notes: inout [Phrase]) throws(RNNError) -> TensorArchive {
    let found = Reparametrization.all(in: self)
    guard !found.isEmpty else { return self }
    // Where the file says what it computes, what is no part of that stays as it is.
    let wanted = try architecture.map { (stated) throws(RNNError) -> Set<String> in
      try Model.check(stated)
      return Set(stated.modules.flatMap(Model.parameters).map(\.name))
    }
    var (gone, new) = (Set<String>(), [String: NamedTensor]())
    for part in found {
      let target = part.target(in: self)
      let last = Model.split(target).parameter
      guard wanted?.contains(target) ?? (["weight", "bias"].contains(last) || ParameterName(parsing: last) != nil),
        self[target] == nil || part.kind == .weightDrop, let weight = part.weight(in: self)
      else { continue }
      gone.formUnion(part.parts + [target])
      new[part.parts[0]] = NamedTensor(target, weight)
      notes.append(part.note(target))
    }
    return try replacingTensors(gone, by: new)
  }
}

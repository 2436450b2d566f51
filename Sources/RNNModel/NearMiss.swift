/// Finds tensors that are recurrent layers under names of their own, to propose a mapping.
///
/// What is proposed gives the layer's own numbers, or the error says what is assumed and what is left out. Where names and
/// shapes do not both say it, nothing is proposed.
struct NearMiss {
  /// More new names than this are not proposed at once.
  private static let maximumRenameCount = 96

  private let archive: TensorArchive

  init(_ archive: TensorArchive) {
    self.archive = archive
  }

  /// One layer and direction: tensors whose names differ by the parameter alone.
  private struct Cell {
    var stem: [LayerName.Word]
    var isReverse: Bool
    var tensors: [LayerName.Role: [NamedTensor]] = [:]
    var isPlain = false
    // Found from the tensors.
    var kind = Recurrent.Cell.rnn
    var inputSize = 0
    var hiddenSize = 0
    /// With their new names, but for layer and direction.
    var parameters: [(old: String, new: ParameterName.Kind)] = []

    /// Whether W and U have shapes by which only W takes the input.
    var takesInputByShape: Bool {
      guard let hidden = tensors[.weight(.hidden)]?.first?.tensor.shape.dimensions,
        let input = tensors[.weight(nil)]?.first?.tensor.shape.dimensions
      else { return false }
      return hidden.count == 2 && input.count == 2 && hidden[0] == input[0] && hidden[1] != input[1] && hidden[1] > 0
        && hidden[0] % hidden[1] == 0 && [1, 3, 4].contains(hidden[0] / hidden[1])
    }

    /// What layers of one module have in common.
    var form: [Int] { [kind.gateCount, hiddenSize, parameters.count] }
  }

  /// A module as it is proposed: layers, each of one or two directions.
  private struct Proposal {
    var name: String
    var layers: [[Cell]]
  }

  /// The error for an archive without recurrent parameters, with the mapping where one can be read from the names.
  func error() -> RNNError {
    var doubts: [Phrase] = []
    let proposals = self.proposals(&doubts)
    let renames = proposals.flatMap(renames)
    let taken = Set(renames.map(\.old))
    let others = archive.tensors.lazy.filter { !taken.contains($0.name) }.map { "\($0.name) \($0.tensor.shape)" }
    var problem: Phrase = "no recurrent layer: no tensor is named like weight_ih_l0"
    if renames.isEmpty { problem += others.isEmpty ? "; the file holds no tensor" : ", but \(others.listed())" }
    for doubt in doubts.prefix(4) { problem += "; \(doubt)" }
    guard !renames.isEmpty else {
      var remedy: Phrase = "choose a file with an RNN, LSTM or GRU"
      if archive.tensors.contains(where: { Self.mayBeHidden($0.tensor.shape) }) {
        remedy += """
          , or where one is under other names, say which with \(.renames) OLD=lstm.weight_ih_l0 and so on, or with \
          \(.mapping) FILE
          """
      }
      return RNNError(.badData, problem, remedy: remedy)
    }
    var said = ["weights as (gates·hidden, input)"]
    let cells = Set(proposals.flatMap { $0.layers.joined() }.map(\.kind))
    if cells.contains(.lstm) { said.append("an LSTM's rows as gates i, f, g, o") }
    if cells.contains(.gru) { said.append("a GRU's rows as gates r, z, n") }
    for module in proposals where module.layers.count > 1 { said.append("\(module.layers.count) layers of one \(module.name)") }
    let left = others.isEmpty ? "" : "; leaves out \(others.listed())"
    let rules = renames.map { "\($0.old)=\($0.new)" }
    return RNNError(.badData, problem,
      remedy: "if these are recurrent, add \(.renames, rules) (takes \(said.joined(separator: ", "))\(left))")
  }

  /// Whether a tensor may hold a cell's recurrent weights, as they stand or transposed: 1, 3 or 4 gates of as many units.
  private static func mayBeHidden(_ shape: Shape) -> Bool {
    guard shape.rank == 2, let units = shape.dimensions.min(), let rows = shape.dimensions.max(), units > 0 else { return false }
    return [1, 3, 4].contains { units * $0 == rows }
  }

  private func renames(of module: Proposal) -> [(old: String, new: String)] {
    module.layers.enumerated().flatMap { layer, cells in
      cells.flatMap { cell in
        cell.parameters.map { old, kind in
          (old, Model.join(module.name, ParameterName(kind, layer: layer, isReverse: cell.isReverse).description))
        }
      }
    }
  }

  private func proposals(_ doubts: inout [Phrase]) -> [Proposal] {
    let layers = self.layers(&doubts)
    // Layers whose names differ by their last number alone, in the order of the first of them.
    var families: [(key: String, layers: [(number: Int?, cells: [Cell])])] = []
    var positions: [String: Int] = [:]
    for cells in layers {
      let (rest, number) = Self.splitNumber(cells[0].stem)
      let key = LayerName.key(rest)
      if positions[key] == nil {
        positions[key] = families.count
        families.append((key, []))
      }
      if let position = positions[key] { families[position].layers.append((number, cells)) }
    }
    var modules: [(stem: [LayerName.Word], layers: [[Cell]])] = []
    for family in families {
      let ordered = family.layers.sorted { ($0.number ?? -1) < ($1.number ?? -1) }
      if Self.isStack(ordered.map(\.number), ordered.map(\.cells)) {
        let stem = ordered.count > 1 ? Self.splitNumber(ordered[0].cells[0].stem).rest : ordered[0].cells[0].stem
        modules.append((stem, ordered.map(\.cells)))
      } else if ordered.contains(where: { $0.cells.count == 2 }) {
        doubts.append("\(family.key) runs in both directions, and how its layers follow each other is not clear")
      } else {
        modules += ordered.map { ($0.cells[0].stem, [$0.cells]) }
      }
    }
    return named(modules, &doubts)
  }

  /// Gives the modules names, none twice, and none by which a new name would be another tensor's.
  private func named(_ modules: [(stem: [LayerName.Word], layers: [[Cell]])], _ doubts: inout [Phrase]) -> [Proposal] {
    var result: [Proposal] = []
    var (used, count) = (Set<String>(), 0)
    for module in modules {
      let cell = module.layers[0][0].kind.rawValue.lowercased()
      let own = modules.count == 1 ? cell : LayerName.text(module.stem)
      let name = own.isEmpty ? cell : own
      let proposal = Proposal(name: name, layers: module.layers)
      let renames = self.renames(of: proposal)
      guard used.insert(name).inserted, renames.allSatisfy({ archive[$0.new] == nil }),
        count + renames.count <= Self.maximumRenameCount
      else {
        doubts.append("\(name) must be named by hand")
        continue
      }
      count += renames.count
      result.append(proposal)
    }
    return result
  }

  /// What the layers of one module have in common: their stem without its last number.
  private static func family(_ stem: [LayerName.Word]) -> String { LayerName.key(splitNumber(stem).rest) }

  /// The stem without its last number, and without the word that only says what the number counts.
  private static func splitNumber(_ stem: [LayerName.Word]) -> (rest: [LayerName.Word], number: Int?) {
    guard let index = stem.lastIndex(where: { $0.number != nil }) else { return (stem, nil) }
    var rest = stem
    let number = rest.remove(at: index).number
    if index > 0, ["l", "layer", "layers"].contains(rest[index - 1].lowercased) { rest.remove(at: index - 1) }
    return (rest, number)
  }

  /// Whether layers of these numbers are one module's: counted from 0 or 1, the first perhaps without a number, alike, and
  /// each taking what the one before gives.
  private static func isStack(_ numbers: [Int?], _ layers: [[Cell]]) -> Bool {
    guard let first = layers.first?.first else { return false }
    let start = numbers[0] ?? (numbers.count > 1 ? (numbers[1] ?? 0) - 1 : 0)
    guard numbers.count == 1 || (0...1).contains(start) else { return false }
    return layers.enumerated().allSatisfy { index, cells in
      let isNext = index == 0 || numbers[index] == start + index
      return isNext && cells.count == layers[0].count && cells.allSatisfy {
        $0.form == first.form && (index == 0 ? $0.inputSize == first.inputSize : $0.inputSize == cells.count * first.hiddenSize)
      }
    }
  }

  /// Layers of one direction, or of a forward and a reverse one, in the archive's order.
  private func layers(_ doubts: inout [Phrase]) -> [[Cell]] {
    var (cells, gates) = self.cells()
    var known: [[Cell]] = []
    var positions: [String: Int] = [:]
    cells.sort { !$0.isReverse && $1.isReverse }
    let settled = Set(cells.filter(\.takesInputByShape).map { Self.family($0.stem) })
    var torn = Set<String>()
    for var cell in cells {
      let key = LayerName.key(cell.stem)
      let family = Self.family(cell.stem)
      guard complete(&cell, gatesOfTheirOwn: gates[key] ?? [], isSettled: settled.contains(family), &doubts) else {
        if cell.tensors[.weight(.hidden)] != nil { torn.insert(family) }
        continue
      }
      if let position = positions[key], !known[position][0].isReverse, cell.isReverse {
        let forward = known[position][0]
        if forward.form == cell.form && forward.inputSize == cell.inputSize {
          known[position].append(cell)
        } else {
          doubts.append("the two directions of \(LayerName.text(cell.stem)) differ")
          torn.insert(family)
          known[position] = []
        }
      } else if cell.isReverse {
        doubts.append("\(cell.parameters[0].old) runs backwards without a layer that runs forward")
        torn.insert(family)
      } else {
        positions[key] = known.count
        known.append([cell])
      }
    }
    // Some layers of a stack are another model: all of them or none.
    return known.filter { !$0.isEmpty && !torn.contains(Self.family($0[0].stem)) }
  }

  /// Tensors by what is left of their names without the parameter; and the shapes of weights that have one short word more,
  /// as those of single gates have.
  private func cells() -> (cells: [Cell], gates: [String: [Shape]]) {
    let unknown = Set(archive.hints.unknown.map(\.name))
    var cells: [Cell] = []
    var positions: [String: Int] = [:]
    var gates: [String: [Shape]] = [:]
    for named in archive.tensors {
      let prefix = Model.split(named.name).module
      let name = LayerName(named.name, rank: named.tensor.shape.rank)
      guard let role = name.role, !unknown.contains(prefix) else { continue }
      if role == .weight(nil), let last = name.stem.last, last.text.count <= 2, last.number == nil {
        gates[LayerName.key(name.stem.dropLast()), default: []].append(named.tensor.shape)
      }
      let key = LayerName.key(name.stem) + (name.isReverse ? " <" : "")
      if positions[key] == nil {
        positions[key] = cells.count
        cells.append(Cell(stem: name.stem, isReverse: name.isReverse))
      }
      guard let position = positions[key] else { continue }
      cells[position].tensors[role, default: []].append(named)
      cells[position].isPlain = cells[position].isPlain || name.isPlain
    }
    return (cells, gates)
  }

  /// Works out what a cell's tensors are; false where they are none, or where names and shapes do not say it, which is
  /// noted where a recurrent layer is likely.
  private func complete(
    _ cell: inout Cell, gatesOfTheirOwn gates: [Shape], isSettled: Bool, _ doubts: inout [Phrase]
  ) -> Bool {
    guard let hiddens = cell.tensors[.weight(.hidden)], let hidden = hiddens.first,
      let inputs = cell.tensors[.weight(.input)] ?? cell.tensors[.weight(nil)], let input = inputs.first
    else { return false }
    func doubt(_ text: Phrase) -> Bool {
      doubts.append(text)
      return false
    }
    let (h, x) = (hidden.tensor.shape.dimensions, input.tensor.shape.dimensions)
    let words = LayerName.key(cell.stem)
    let isCalledRecurrent = ["rnn", "lstm", "gru", "elman", "recurrent"].contains { words.contains($0) }
    guard hiddens.count == 1, inputs.count == 1, h.count == 2, x.count == 2, !h.contains(0), !x.contains(0) else {
      return cell.isPlain || isCalledRecurrent ? doubt("which weights of \(input.name) and \(hidden.name) are which is not clear") : false
    }
    guard h[0] % h[1] == 0, let kind = [Recurrent.Cell.rnn, .gru, .lstm].first(where: { $0.gateCount == h[0] / h[1] }), x[0] == h[0]
    else {
      let isTransposed = h[1] % h[0] == 0 && [1, 3, 4].contains(h[1] / h[0]) && x[1] == h[1]
      return isTransposed
        ? doubt("""
          \(input.name) \(input.tensor.shape) and \(hidden.name) \(hidden.tensor.shape) may be a recurrent layer's, with rows \
          and columns exchanged: transpose them, and mind the order of their gates
          """) : false
    }
    // An Elman RNN's weights look like those of any two layers.
    guard kind != .rnn || cell.isPlain || isCalledRecurrent else { return false }
    guard !(words.contains("gru") && kind != .gru), !(words.contains("lstm") && kind != .lstm) else {
      return doubt("\(hidden.name) \(hidden.tensor.shape) has \(kind.gateCount) gates, and its name says otherwise")
    }
    // What is called W and U is either way around, unless another layer's shapes say it.
    guard cell.tensors[.weight(.input)] != nil || cell.isPlain || isSettled || x[1] != h[1] else {
      return doubt("which of \(input.name) and \(hidden.name) takes the input is not clear")
    }
    guard kind != .rnn || !gates.contains(where: { $0 == hidden.tensor.shape || $0 == input.tensor.shape }) else {
      return doubt("\(hidden.name) has others like it beside it: each gate may have its own")
    }
    (cell.kind, cell.inputSize, cell.hiddenSize) = (kind, x[1], h[1])
    cell.parameters = [(input.name, .weightIH), (hidden.name, .weightHH)]
    let biases = [LayerName.Role.bias(.input), .bias(.hidden), .bias(nil)].map { cell.tensors[$0] ?? [] }
    let all = biases.flatMap { $0 }
    guard all.allSatisfy({ $0.tensor.shape.dimensions == [h[0]] }), biases.allSatisfy({ $0.count <= 1 }), all.count <= 2,
      all.count < 2 || biases[2].isEmpty
    else { return doubt("which biases of \(hidden.name) are which is not clear") }
    guard all.count != 1 || kind != .gru else {
      return doubt("\(all[0].name) is a GRU's only bias, and whether it is inside the reset gate's product is not said")
    }
    // The only bias is the sum of PyTorch's two: the other is zero.
    for (bias, new) in zip(all, [ParameterName.Kind.biasIH, .biasHH]) { cell.parameters.append((bias.name, new)) }
    let old = cell.parameters.map(\.old)
    guard ([input, hidden] + all).allSatisfy({ $0.tensor.elementType.isWeight }) else {
      return doubt("\(hidden.name) and what belongs to it are not all of a float type")
    }
    // Neither a rule nor a shell's quotes can hold these.
    guard old.allSatisfy({ $0.unicodeScalars.allSatisfy { $0.value > 32 && $0.value < 127 && !"*='\\".unicodeScalars.contains($0) } })
    else { return doubt("\(hidden.name) must be named with \(.mapping)") }
    return true
  }
}

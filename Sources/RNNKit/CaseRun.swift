import RNNModel
import RNNRunner

/// A reference case made ready to be run: its inputs, states and lengths, and the part of the chain it is of.
struct CaseRun {
  let model: Model
  let reference: ReferenceCase
  /// The modules the case names, nil for the whole chain.
  let modules: [String]?
  let input: Tensor
  let lengths: [Int]?
  let isFloat64: Bool
  private let batchFirst: Bool
  private let isBatched: Bool

  init(_ reference: ReferenceCase, of model: Model) throws(RNNError) {
    func refuse(_ problem: String, _ remedy: String) -> RNNError {
      RNNError(.badData, place: "case \(reference.name)", problem, remedy: remedy)
    }
    guard let input = reference["input"] else {
      throw refuse("it has no input", "add the tensor input to the case")
    }
    let metadata = JSONValue.object(reference.metadata)
    if let names = metadata["modules"] {
      let list = names.array?.compactMap(\.string) ?? []
      guard !list.isEmpty, list.count == names.array?.count else {
        throw refuse("its metadata's modules is no list of names", "name the modules as [\"encoder\"]")
      }
      modules = list
    } else {
      modules = nil
    }
    self.model = model
    self.reference = reference
    self.input = input
    lengths = try reference["lengths"].map(Plan.lengths)
    let plan = try Plan(model, modules: modules)
    isFloat64 = plan.precision == .float64
    isBatched = input.shape.rank == (plan.takesIndices ? 2 : 3)
    batchFirst = isBatched && plan.architecture.batchFirst
  }

  /// Whether a member goes in; all others are compared.
  static func isInput(_ member: String) -> Bool {
    member == "input" || member == "lengths" || StateName(member) != nil
  }

  /// Every member that the model gives for the case's input.
  func results(precision: Precision) throws(RNNError) -> [NamedTensor] {
    do throws(RNNError) {
      let plan = try Plan(model, modules: modules, precision: precision)
      let batch = isBatched ? input.shape[batchFirst ? 0 : 1] : 1
      let state = try plan.state(batch: batch, members: reference.members)
      return try plan.run(input, state: state, lengths: lengths).members
    } catch {
      var error = error
      error.place = "case \(reference.name)" + (error.place.map { ", \($0)" } ?? "")
      throw error
    }
  }

  /// What the axes of a member mean.
  func axes(of member: String, rank: Int) -> [String] {
    let isState = member.hasSuffix("hn") || member.hasSuffix("cn")
    let all: [String]
    if isState {
      all = isBatched ? ["layer", "batch", "unit"] : ["layer", "unit"]
    } else {
      all = !isBatched ? ["step", "unit"] : batchFirst ? ["batch", "step", "unit"] : ["step", "batch", "unit"]
    }
    return rank == all.count ? all : rank == all.count - 1 ? all.filter { $0 != "step" } : (0..<rank).map { "axis \($0)" }
  }

  /// Whether the reference's own last hidden state is its last output, bit for bit, as it is for every recurrent network
  /// that runs forward; nil where the case cannot tell.
  var lastStateIsLastOutput: Bool? {
    let chain = model.architecture.recurrentModules.filter { modules?.contains($0.name) ?? true }
    guard chain.count == 1, let module = chain.first, module.direction == .forward, lengths == nil,
      let output = reference["output"], let hn = reference["hn"], let size = output.shape.dimensions.last,
      output.elementType == hn.elementType, hn.count == module.numLayers * (isBatched ? input.shape[batchFirst ? 0 : 1] : 1) * size
    else { return nil }
    let (outputs, states) = (output.doubles, hn.doubles)
    let batch = states.count / max(1, module.numLayers * size)
    let steps = outputs.count / max(1, batch * size)
    guard steps > 0 else { return nil }
    for row in 0..<batch {
      for unit in 0..<size {
        let state = states[((module.numLayers - 1) * batch + row) * size + unit]
        let step = batchFirst ? (row * steps + steps - 1) : (steps - 1) * batch + row
        if outputs[step * size + unit].bitPattern != state.bitPattern { return false }
      }
    }
    return true
  }
}

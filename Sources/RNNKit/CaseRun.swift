import RNNModel
import RNNRunner

/// A reference case made ready to be run: its inputs, states and lengths, and the part of the chain it is of.
struct CaseRun {
  private var model: Model
  private(set) var reference: ReferenceCase
  /// The modules the case names, nil for the whole chain.
  private let modules: [String]?
  private var inputs: [Tensor]
  /// The names that members of inputs have.
  private let inputNames: Set<String>
  private let lengths: [Int]?
  let isFloat64: Bool
  private let recurrent: [Recurrent]
  /// Whether what is run has weights of int8, with which inputs and states are rounded too.
  let isQuantized: Bool
  /// The tensors that are run.
  private let names: [String]
  /// The half-precision type that every weight is of, nil where one is of another.
  private let half: ElementType?
  private let batchFirst: Bool
  private let isBatched: Bool

  init(_ reference: ReferenceCase, of model: Model) throws(RNNError) {
    func refuse(_ problem: String, _ remedy: String) -> RNNError {
      RNNError(.badData, place: "case \(reference.name)", problem, remedy: remedy)
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
    lengths = try reference["lengths"].map(Plan.lengths)
    let plan = try Plan(model, modules: modules)
    do throws(RNNError) { inputs = try plan.inputs(in: reference.members) } catch {
      let name = error.place ?? "input"
      throw refuse("it has no \(name)", "add the tensor \(name) to the case")
    }
    inputNames = Set(plan.inputs.flatMap(plan.names))
    isFloat64 = plan.precision == .float64
    recurrent = plan.architecture.recurrentModules
    isQuantized = plan.architecture.modules.contains { module in
      Model.parameters(of: module).contains { model.archive[$0.name]?.elementType == .int8 }
    }
    names = plan.architecture.modules.flatMap { Model.parameters(of: $0).map(\.name) }
      + (plan.architecture.forward?.parameterNames ?? [])
    let types = Set(names.compactMap { model.archive[$0]?.elementType })
    half = types.count == 1 ? types.first.flatMap { $0 == .float16 || $0 == .bfloat16 ? $0 : nil } : nil
    isBatched = inputs[0].shape.rank == (plan.takesIndices ? 2 : 3)
    batchFirst = isBatched && plan.architecture.batchFirst
  }

  /// Whether a member goes in; all others are compared.
  func isInput(_ member: String) -> Bool {
    inputNames.contains(member) || member == "lengths" || StateName(member) != nil
  }

  /// Every member that the model gives for the case's input.
  func results(precision: Precision) throws(RNNError) -> [NamedTensor] {
    do throws(RNNError) {
      let plan = try Plan(model, modules: modules, precision: precision)
      let batch = isBatched ? inputs[0].shape[batchFirst ? 0 : 1] : 1
      let state = try plan.state(batch: batch, members: reference.members)
      return try plan.run(inputs, state: state, lengths: lengths).members
    } catch {
      var error = error
      error.place = "case \(reference.name)" + (error.place.map { ", \($0)" } ?? "")
      throw error
    }
  }

  /// The members that are compared, each with what the model gives for it.
  ///
  /// Throws where the model gives no such member or one of another shape, where numbers are of a type that cannot be
  /// compared, and where there are none.
  ///
  /// - Parameter tolerance: What is allowed of the kind of member, in place of what the types and the case's metadata tell.
  func comparisons(
    _ results: [NamedTensor], tolerance: ((Tolerance) -> Tolerance)? = nil
  ) throws(RNNError) -> [Comparison] {
    var comparisons: [Comparison] = []
    for member in reference.members where !isInput(member.name) && !member.name.hasSuffix("64") {
      let place = "case \(reference.name), member \(member.name)"
      guard let result = results.first(where: { $0.name == member.name })?.tensor else {
        throw RNNError(.badData, place: place,
          "the model gives no such output; it gives \(results.map(\.name).listed())",
          remedy: "rename or remove the member")
      }
      let type = member.tensor.elementType
      guard type.isWeight || type.isInteger || type == .bool else {
        throw RNNError(.badData, place: place, "its type is \(type.rawValue), the model gives \(result.elementType.rawValue)",
          remedy: "export it as float32 or float64")
      }
      guard let expected = member.tensor.shape == result.shape ? member.tensor : withoutSingleAxes(member, as: result.shape) else {
        throw RNNError(.badData, place: place,
          "its shape is \(member.tensor.shape), the model gives \(result.shape)", remedy: "export the case again")
      }
      let usual = Tolerance(of: type, isFloat64: isFloat64)
      comparisons.append(
        Comparison(
          member: member.name, reference: expected, result: result,
          axes: axes(of: member.name, rank: result.shape.rank), precision: precision(of: member.tensor),
          tolerance: tolerance?(usual) ?? usual.widened(by: reference.keptTolerance(member.name))))
    }
    guard !comparisons.isEmpty else {
      throw RNNError(.badData, place: "case \(reference.name)", "it holds no output to compare with",
        remedy: "add output, hn or y as its framework gave them")
    }
    return comparisons
  }

  /// A reference of which its framework kept one step of the time axis, or left out the axis of an only feature, in the
  /// shape that the model gives; nil where it is neither.
  private func withoutSingleAxes(_ member: NamedTensor, as shape: Shape) -> Tensor? {
    guard !Self.isOfRecurrent(member.name) else { return nil }
    let wanted = shape.dimensions
    var found = member.tensor.shape.dimensions
    if found.count + 1 == wanted.count, wanted.last == 1 { found.append(1) }
    let time = batchFirst ? 1 : 0
    if found.count == wanted.count + 1, found.count == (isBatched ? 3 : 2), found[time] == 1 { found.remove(at: time) }
    return found == wanted ? member.tensor.reshaped(shape) : nil
  }

  /// Whether a member is a recurrent module's output or state.
  static func isOfRecurrent(_ member: String) -> Bool {
    member == "output" || member.hasSuffix("hn") || member.hasSuffix("cn")
  }

  /// The same case with every weight, input and state moved, in float64.
  func moved(by perturbation: Perturbation) throws(RNNError) -> CaseRun {
    var result = self
    let used = Set(names)
    var number = 0
    let archive = try model.archive.mapTensors { (named) throws(RNNError) in
      guard used.contains(named.name) else { return named.tensor }
      number += 1
      return perturbation.moved(named.tensor, number: number)
    }
    result.model = try Model(archive, architecture: model.architecture)
    for index in reference.members.indices where isInput(reference.members[index].name) {
      number += 1
      result.reference.members[index].tensor = perturbation.moved(reference.members[index].tensor, number: number)
    }
    result.inputs = try Plan(result.model, modules: modules).inputs(in: result.reference.members)
    return result
  }

  /// The precision that a reference was computed in: the least of the model's, of the type it is stored in and, for a
  /// model of half precision, of that, if it holds every number.
  private func precision(of member: Tensor) -> ElementType {
    let stored = member.elementType.isWeight ? member.elementType : .float32
    guard stored == .float32 || stored == .float64 else { return stored }
    if let half, !isFloat64 {
      var fits = true
      member.forEachDouble { _, value in
        let narrow =
          half == .float16
          ? Double(Float(halfBits: value.halfBits)) : Double(Float(bitPattern: UInt32(value.bfloat16Bits) << 16))
        if narrow != value && !value.isNaN { fits = false }
      }
      if fits { return half }
    }
    return isFloat64 ? stored : .float32
  }

  /// What the axes of a member mean.
  private func axes(of member: String, rank: Int) -> MemberAxes {
    let isState = member.hasSuffix("hn") || member.hasSuffix("cn")
    let all: [String]
    if isState {
      all = isBatched ? ["layer", "batch", "unit"] : ["layer", "unit"]
    } else {
      all = !isBatched ? ["step", "unit"] : batchFirst ? ["batch", "step", "unit"] : ["step", "batch", "unit"]
    }
    let names =
      rank == all.count ? all : rank == all.count - 1 ? all.filter { $0 != "step" } : (0..<rank).map { "axis \($0)" }
    var parts: [MemberAxes.Time] = [.both]
    let directions = Set(recurrent.map(\.direction))
    if member == "output", recurrent.last?.direction == .bidirectional {
      parts = [.forward, .backward]
    } else if directions == [.forward] || (member == "output" && recurrent.last?.direction == .forward) {
      parts = [.forward]
    } else if directions == [.reverse] || (member == "output" && recurrent.last?.direction == .reverse) {
      parts = [.backward]
    }
    return MemberAxes(names: names, parts: parts, isState: isState || member == "output")
  }

  /// Whether the reference's own last hidden state is its output at each sequence's last step, and the reverse
  /// direction's that at the first, bit for bit, as they are for every recurrent network; nil where the case cannot tell.
  var lastStateIsLastOutput: Bool? {
    guard let module = recurrent.last, module.direction != .reverse, let output = reference["output"],
      let hn = reference[Model.join(recurrent.count == 1 ? "" : module.name, "hn")],
      output.elementType == hn.elementType, let features = output.shape.dimensions.last
    else { return nil }
    let directions = module.directionCount, size = features / directions
    let batch = isBatched ? inputs[0].shape[batchFirst ? 0 : 1] : 1
    let steps = output.count / max(1, batch * features)
    guard steps > 0, size > 0, output.count == steps * batch * features, hn.count == module.numLayers * directions * batch * size
    else { return nil }
    let (outputs, states) = (output.doubles, hn.doubles)
    for direction in 0..<directions {
      for row in 0..<batch {
        let step = direction == 1 ? 0 : (lengths.map { $0[row] } ?? steps) - 1
        let position = batchFirst ? row * steps + step : step * batch + row
        for unit in 0..<size {
          let state = states[(((module.numLayers - 1) * directions + direction) * batch + row) * size + unit]
          if outputs[position * features + direction * size + unit].bitPattern != state.bitPattern { return false }
        }
      }
    }
    return true
  }
}

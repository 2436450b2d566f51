import RNNModel
import RNNRunner

/// Runs several forwards on the same reference cases to find those that reproduce them, as `Verification` judges it.
///
/// Steps that forwards share are computed once. Forwards whose shapes do not fit are left out; of a case's first row, and of
/// its first steps where time only runs forward, those that differ already are no longer run.
struct ForwardTrial {
  /// A case that tells something of a forward: it has the model's input and `y`.
  private struct Case {
    let reference: ReferenceCase
    let axes: CaseAxes
    let y: Shape
  }

  /// Why a case is not run.
  private enum Stop: Error {
    case tooLarge
    case failed(RNNError)
  }

  private let model: Model
  private let cases: [Case]
  private let recurrent: Set<String>
  private let isForwardOnly: Bool
  /// Those whose shapes fit every case, the likeliest first.
  let fitting: [Forward]
  /// How many were run.
  private(set) var tried = 0
  /// Whether the first rows and steps of a case alone were run.
  private(set) var isOfPart = false
  /// Whether a case is too large to be run.
  private(set) var isTooLarge = false
  /// Multiplications so far.
  private var work = 0.0

  private static let screenedSteps = 4
  /// Forwards that are verified on whole cases.
  private static let mostVerified = 16
  /// Bytes of results that a run may give.
  private static let mostResults = 32 << 20

  /// Nil where no case tells anything of a forward.
  init?(_ candidates: [Forward], on references: [ReferenceCase], of model: Model) {
    self.model = model
    let modules = model.architecture.recurrentModules
    recurrent = Set(modules.map(\.name))
    isForwardOnly = modules.allSatisfy { $0.direction == .forward }
    let batchFirst = model.architecture.batchFirst
    let shaped = candidates.compactMap { forward in
      (try? forward.shapes(model.architecture.modules)).map { (forward: forward, shapes: $0) }
    }
    guard let first = shaped.first else { return nil }
    cases = references.compactMap { reference in
      guard !reference.metadata.contains(where: { $0.key == "modules" }), let input = reference["input"], let y = reference["y"],
        let axes = CaseAxes(input, takesIndices: first.shapes.inputs[0].isIndices, batchFirst: batchFirst)
      else { return nil }
      return Case(reference: reference, axes: axes, y: y.shape)
    }
    guard !cases.isEmpty else { return nil }
    let (cases, recurrent) = (cases, recurrent)
    fitting = shaped.filter { candidate in
      let output = candidate.forward.outputs[0].value, shape = candidate.shapes[output]
      // What the last recurrent module gives is no `y`.
      if case .step(let number) = output, case .module(let name) = candidate.forward.steps[number].operation, recurrent.contains(name) {
        return false
      }
      return cases.allSatisfy { $0.axes.hasTime($0.y, features: shape.features ?? 0) == shape.hasTime }
    }.map(\.forward)
  }

  var caseCount: Int { cases.count }
  /// The first case's name.
  var caseName: String { cases[0].reference.name }

  /// Whether the first case's `y` has a value for every step, and a forward's result has; nil where sizes do not fit at all.
  func time(of forward: Forward) -> (y: Bool, result: Bool)? {
    guard let shapes = try? forward.shapes(model.architecture.modules) else { return nil }
    let shape = shapes[forward.outputs[0].value]
    return cases[0].axes.hasTime(cases[0].y, features: shape.features ?? 0).map { ($0, shape.hasTime) }
  }

  /// The forwards that reproduce every case, the likeliest first.
  mutating func reproducing() -> [Forward] {
    var open = Array(fitting.prefix(Limits.maximumTriedForwards))
    tried = open.count
    do throws(Stop) {
      for trialCase in cases { open = try screened(open, trialCase) }
      open = Array(open.prefix(Self.mostVerified))
      for trialCase in cases { open = try verified(open, trialCase) }
      return open
    } catch {
      if case .tooLarge = error { isTooLarge = true }
      return []
    }
  }

  /// Of forwards that give the same on the cases, those that give something else than the first on other inputs.
  func different(_ forwards: [Forward]) -> [Forward] {
    guard let first = forwards.first, forwards.count > 1 else { return [] }
    var numbers = NormalNumbers(seed: 1)
    guard let plan = try? Plan(model, forward: first) else { return Array(forwards.dropFirst()) }
    let (steps, batch) = (8, 2)
    var inputs: [Tensor] = []
    for scale in [1.0, 4.0] {
      let values = (0..<steps * batch * plan.inputSize).map { _ in scale * numbers.next() }
      let sizes = plan.architecture.batchFirst ? [batch, steps] : [steps, batch]
      if let count = plan.inputs[0].indexCount {
        let indices = values.map { Int64(abs($0) * 1e6) % Int64(count) }
        if let shape = Shape(sizes), let tensor = Tensor(indices, shape) { inputs.append(tensor) }
      } else if let shape = Shape(sizes + [plan.inputSize]), let tensor = Tensor(values, shape) {
        inputs.append(tensor)
      }
    }
    func results(_ forward: Forward) -> [[Double]]? {
      guard let plan = try? Plan(model, forward: forward) else { return nil }
      return inputs.compactMap { try? plan.run($0).last?.doubles }
    }
    let wanted = results(first)
    return forwards.dropFirst().filter { forward in
      guard let wanted, let found = results(forward), found.count == wanted.count else { return true }
      return zip(found, wanted).contains { found, wanted in
        found.count != wanted.count || zip(found, wanted).contains { abs($0 - $1) > 1e-5 * max(1, abs($1)) }
      }
    }
  }

  // MARK: Runs

  /// Drops forwards that differ on a case's first row and steps by more than rounding may do.
  private mutating func screened(_ forwards: [Forward], _ trialCase: Case) throws(Stop) -> [Forward] {
    let yHasTime = hasTime(forwards)
    let steps = yHasTime && isForwardOnly ? min(trialCase.axes.steps, Self.screenedSteps) : trialCase.axes.steps
    let part = trialCase.reference.part(trialCase.axes, rows: 1, steps: steps, yHasTime: yHasTime)
    return try run(forwards, trialCase, rows: 1, steps: steps) { (union, model) throws(RNNError) in
      let run = try CaseRun(union.of(part), of: model)
      let results = try run.results(precision: run.isFloat64 ? .float64 : .float32)
      let comparisons = try run.comparisons(results)
      guard comparisons.contains(where: { $0.verdict == .mismatch }) else { return [Bool](repeating: true, count: union.count) }
      let others = try run.results(precision: run.isFloat64 ? .float32 : .float64)
      return (0..<union.count).map { number in
        let name = ForwardUnion.name(number)
        guard let comparison = comparisons.first(where: { $0.member == name }), comparison.verdict == .mismatch,
          let found = results.first(where: { $0.name == name }), let other = others.first(where: { $0.name == name })
        else { return true }
        // What two precisions make of it tells how far rounding goes.
        let rounding = zip(found.tensor.doubles, other.tensor.doubles).reduce(0) { max($0, distance($1.0, $1.1)) }
        return comparison.largestError <= 256 * rounding
      }
    }
  }

  /// Those for which all that a case holds is verified.
  private mutating func verified(_ forwards: [Forward], _ trialCase: Case) throws(Stop) -> [Forward] {
    guard !forwards.isEmpty else { return [] }
    let yHasTime = hasTime(forwards), axes = trialCase.axes
    var (rows, steps) = (axes.rows, axes.steps)
    let most = Double(Limits.maximumTrialWork), row = forwards.map { multiplications($0, steps: steps) }.reduce(0, max)
    if row * Double(rows) > most { rows = max(1, Int(most / row)) }
    if row > most {
      guard yHasTime, isForwardOnly else { throw .tooLarge }
      steps = max(1, Int(most / row * Double(steps)))
    }
    let isWhole = rows == axes.rows && steps == axes.steps
    if !isWhole { isOfPart = true }
    let reference = isWhole ? trialCase.reference : trialCase.reference.part(axes, rows: rows, steps: steps, yHasTime: yHasTime)
    return try run(forwards, trialCase, rows: rows, steps: steps) { (union, model) throws(RNNError) in
      let verification = try Verification(union.of(reference), of: model)
      let names = Set((0..<union.count).map(ForwardUnion.name))
      guard verification.lastStateIsLastOutput ?? true,
        verification.comparisons.allSatisfy({ names.contains($0.member) || $0.verdict != .mismatch })
      else { return [Bool](repeating: false, count: union.count) }
      return (0..<union.count).map { number in
        let verdict = verification.comparisons.first { $0.member == ForwardUnion.name(number) }?.verdict
        return verdict == .match || verdict == .rounding
      }
    }
  }

  /// Runs forwards together, as many as share the recurrent modules' inputs, and keeps those that `isKept` says, in order.
  private mutating func run(
    _ forwards: [Forward], _ trialCase: Case, rows: Int, steps: Int,
    _ isKept: (ForwardUnion, Model) throws(RNNError) -> [Bool]
  ) throws(Stop) -> [Forward] {
    let share = max(1, trialCase.y.count / trialCase.axes.rows / (hasTime(forwards) ? trialCase.axes.steps : 1))
    let bytes = 8 * share * rows * (hasTime(forwards) ? steps : 1)
    var unions: [(union: ForwardUnion, numbers: [Int])] = []
    for (number, forward) in forwards.enumerated() {
      var isPlaced = false
      for index in unions.indices where (unions[index].union.count + 1) * bytes <= Self.mostResults {
        isPlaced = unions[index].union.add(forward, isRecurrent: recurrent.contains)
        if isPlaced {
          unions[index].numbers.append(number)
          break
        }
      }
      guard !isPlaced else { continue }
      var union = ForwardUnion()
      if union.add(forward, isRecurrent: recurrent.contains) { unions.append((union, [number])) }
    }
    var kept = Set<Int>()
    for (union, numbers) in unions {
      // Making a plan takes about as long as some steps.
      work += Double(rows) * multiplications(union.forward, steps: steps) + 16 * multiplications(union.forward, steps: 1)
      guard work <= 8 * Double(Limits.maximumTrialWork) else { throw .tooLarge }
      var architecture = model.architecture
      architecture.forward = union.forward
      do throws(RNNError) {
        let model = try Model(model.archive, architecture: architecture)
        for (number, isKept) in zip(numbers, try isKept(union, model)) where isKept { kept.insert(number) }
      } catch {
        throw .failed(error)
      }
    }
    return forwards.indices.filter(kept.contains).map { forwards[$0] }
  }

  private func hasTime(_ forwards: [Forward]) -> Bool { forwards.first.flatMap(time)?.result ?? true }

  /// Multiplications of one row.
  private func multiplications(_ forward: Forward, steps: Int) -> Double {
    guard let shapes = try? forward.shapes(model.architecture.modules) else { return 0 }
    return forward.steps.indices.reduce(0) { sum, index in
      guard case .module(let name) = forward.steps[index].operation, let module = model.architecture[name] else { return sum }
      if case .embedding = module { return sum }
      let weights = Model.parameters(of: module).reduce(0.0) { sum, parameter in
        sum + parameter.shape.reduce(1.0) { $0 * Double($1) }
      }
      return sum + weights * (shapes.steps[index].hasTime ? Double(steps) : 1)
    }
  }
}

extension ForwardUnion {
  /// A case whose `y` each forward is to give.
  fileprivate func of(_ reference: ReferenceCase) -> ReferenceCase {
    var result = reference
    guard let y = reference["y"] else { return result }
    result.members.removeAll { $0.name == "y" }
    result.members += (0..<count).map { NamedTensor(Self.name($0), y) }
    return result
  }
}

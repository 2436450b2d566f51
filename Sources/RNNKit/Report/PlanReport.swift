import RNNFormats
import RNNModel
import RNNRunner

extension Plan {
  /// What goes in and what comes out, as JSON: `Schemas/plan.schema.json`.
  ///
  /// - Parameters:
  ///   - notes: What there is to say of the model, such as `ModelFile.notes` and `Model.leftOut`.
  ///   - wording: How options are named.
  public func report(notes: [Phrase] = [], in wording: some Wording = SwiftWording()) -> JSONValue {
    let rows: [JSONValue] = architecture.batchFirst ? [.string("batch"), .string("time")] : [.string("time"), .string("batch")]
    return .object([
      .init("notes", .array(notes.map { .string($0.text(in: wording)) })),
      .init("forward", architecture.forward.map { .string($0.line(modules: architecture.modules)) } ?? .null),
      .init("precision", .string(precision.rawValue)), .init("instruction_set", .string(instructionSet.rawValue)),
      .init("batch_first", .bool(architecture.batchFirst)), .init("streamable", .bool(isStreamable)),
      .init("inputs", .array(inputs.map { input in
        .object([
          .init("names", .array(names(of: input).map(JSONValue.string))),
          .init("shape", .array(rows + (input.takesIndices ? [] : [.integer(Int64(input.features))]))),
          .init("indices", input.indexCount.map { .integer(Int64($0)) } ?? .null),
        ])
      })),
      .init("result", .string(resultName)),
      .init("members", .array(members.map { member in
        .object([
          .init("name", .string(member.name)),
          .init("shape", .array(member.axes.map { axis in
            switch axis {
            case .time: .string("time")
            case .steps(let axis): .string(axis.description)
            case .batch: .string("batch")
            case .size(let size): .integer(Int64(size))
            }
          })),
        ])
      })),
      .init("states", .array(stateMembers.map { member in
        .object([.init("name", .string(member.name)), .init("shape", .array([
          .integer(Int64(member.blocks)), .string("batch"), .integer(Int64(member.size)),
        ]))])
      })),
    ])
  }
}

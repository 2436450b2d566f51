import CRNNKit
import RNNKit

final class StateBox {
  /// Used by one thread at a time, as rnnkit.h says; Swift's own check of that may allocate on a thread's first use.
  @exclusivity(unchecked) var state: State
  init(_ state: State) { self.state = state }
}

@c @implementation
public func rnnkit_state_make(
  _ plan: OpaquePointer?, _ batch: Int64, _ members: UnsafePointer<rnnkit_array>?, _ memberCount: Int, _ error: ErrorTarget
) -> OpaquePointer? {
  make(error) { () throws(RNNError) in
    let plan = try object(plan, PlanBox.self, "plan").plan
    var tensors: [NamedTensor] = []
    for array in try CallerArray.list(members, memberCount, "members") {
      guard let name = array.name, StateName(name) != nil else {
        throw RNNError(.usage, place: array.name ?? "members", array.name == nil ? "it has no name" : "it is no state",
          remedy: "use one of \(plan.stateMembers.map(\.name).listed())")
      }
      tensors.append(NamedTensor(name, try array.tensor()))
    }
    return StateBox(try plan.state(batch: Int(batch), members: tensors))
  }
}

@c @implementation
public func rnnkit_state_copy(_ state: OpaquePointer?, _ error: ErrorTarget) -> OpaquePointer? {
  make(error) { () throws(RNNError) in
    var copy = try object(state, StateBox.self, "state").state
    // Now, as a step must not.
    try copy.makeUnique()
    return StateBox(copy)
  }
}

@c @implementation
public func rnnkit_state_free(_ state: OpaquePointer?) { release(state, StateBox.self) }

@c @implementation
public func rnnkit_state_batch(_ state: OpaquePointer?) -> Int64 {
  Int64((try? object(state, StateBox.self, "state"))?.state.batch ?? 0)
}

@c @implementation
public func rnnkit_state_read(
  _ state: OpaquePointer?, _ members: UnsafePointer<rnnkit_array>?, _ memberCount: Int, _ error: ErrorTarget
) -> Int32 {
  attempt(error) { () throws(RNNError) in
    let state = try object(state, StateBox.self, "state").state
    try Outputs.fill(CallerArray.list(members, memberCount, "members"), from: state.members)
  }
}

@c @implementation
public func rnnkit_state_save(
  _ state: OpaquePointer?, _ path: UnsafePointer<CChar>?, _ force: Int32, _ error: ErrorTarget
) -> Int32 {
  attempt(error) { () throws(RNNError) in
    let state = try object(state, StateBox.self, "state").state
    let output = try RNNKitC.path(path, "path")
    try withoutSignals { () throws(RNNError) in try state.write(to: output, replacing: force != 0) }
  }
}

@c @implementation
public func rnnkit_state_load(
  _ plan: OpaquePointer?, _ path: UnsafePointer<CChar>?, _ error: ErrorTarget
) -> OpaquePointer? {
  make(error) { () throws(RNNError) in
    let plan = try object(plan, PlanBox.self, "plan").plan
    let input = try RNNKitC.path(path, "path")
    return StateBox(try withoutSignals { () throws(RNNError) in try plan.state(readingFrom: input) })
  }
}

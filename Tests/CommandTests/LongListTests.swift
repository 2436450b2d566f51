import Foundation
import RNNKit
import Testing

/// Names without end, in errors and remarks.
@Suite struct LongListTests {
  private let scratch: Scratch

  init() throws { scratch = try Scratch() }

  @Test func namesAFewAndCountsTheRest() throws {
    var archive = TensorArchive()
    let modules = (0..<2_000).map { Linear(name: "m\($0)", inFeatures: 1, outFeatures: 1, bias: false) }
    for module in modules { try archive.append(module.name + ".weight", tensor([1], 1, 1)) }
    let path = scratch.path("many.rnn")
    try Model(archive, architecture: Architecture(modules: modules.map(Module.linear), forward: nil)).write(to: path)
    try ArrayFile.write(modules.map { NamedTensor($0.name, try tensor([1], 1, 1)) }, scratch.path("many.npz"))
    try ArrayFile.write([NamedTensor("", try tensor([1], 1, 1))], scratch.path("x.npy"))
    let list = "m0, m1, m2, m3, m4, m5, m6, m7 and 1,992 more"
    #expect(try Refusal.of(["run", path, "--input", scratch.path("x.npy"), "--module", "none"], status: 64, in: scratch)
      == "\(path): module none: the model has no module of this name; use one of \(list)")
    #expect(try Refusal.of(["run", path, "--input", scratch.path("x.npy")], status: 64, in: scratch)
      == "\(path): the file does not say what stands between m0 and m1; say what is computed with --forward, or name modules to run, in their order, with --module, from \(list)")
    #expect(try Refusal.of(
      ["run", path, "--module", "m0", "--input", scratch.path("many.npz")], status: 65, in: scratch).hasSuffix(
        "many.npz: holds no array named input, but \(list); name the array input"))
  }
}

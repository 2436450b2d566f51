import CRNNKernels
import RNNModel

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// The processor instructions a plan's arithmetic uses. Results have the same bits with any of them.
public enum InstructionSet: String, Sendable, Hashable, CaseIterable {
  /// Plain C for any processor; NEON on 64-bit ARM.
  case portable
  /// AVX2 with FMA.
  case avx2
  /// AVX2 with FMA and AVX-VNNI.
  case avx2vnni
  /// AVX-512 F, BW, DQ and VL.
  case avx512
  /// The same with AVX-512 VNNI.
  case avx512vnni

  /// Those that this processor has, slowest first.
  public static var available: [InstructionSet] { allCases.filter { rnnkit_kernels_named($0.rawValue) != nil } }

  /// The one that plans use unless told otherwise: what the environment variable `RNNKIT_ISA` names when a program
  /// first asks, else the processor's fastest. Throws where the variable names none or one that the processor lacks.
  public static var preferred: InstructionSet {
    get throws(RNNError) { try chosen.get() }
  }

  private static let chosen: Result<InstructionSet, RNNError> = {
    guard let value = getenv("RNNKIT_ISA") else {
      return .success(InstructionSet(rawValue: String(cString: rnnkit_kernels_best().pointee.name)) ?? .portable)
    }
    let name = String(cString: value)
    let names = available.map(\.rawValue).joined(separator: ", ")
    guard let set = InstructionSet(rawValue: name) else {
      return .failure(
        RNNError(.usage, place: "RNNKIT_ISA", "\"\(name)\" is no instruction set", remedy: "use one of \(names)"))
    }
    return set.isAvailable ? .success(set) : .failure(set.unavailable)
  }()

  private var isAvailable: Bool { rnnkit_kernels_named(rawValue) != nil }

  private var unavailable: RNNError {
    let names = Self.available.map(\.rawValue).joined(separator: ", ")
    return RNNError(.usage, "this processor lacks the instruction set \(rawValue)", remedy: "use one of \(names)")
  }

  /// Whether half-precision weights may be kept as they are.
  var keepsHalves: Bool { rnnkit_kernels_named(rawValue)?.pointee.keeps_halves ?? false }

  /// The product with weights of int8.
  var multiplyInt8: rnnkit_multiply_int8? { rnnkit_kernels_named(rawValue)?.pointee.multiply_int8 }

  /// The operations for one precision. Throws where the processor lacks the instruction set.
  func operations(_ precision: Precision) throws(RNNError) -> UnsafePointer<rnnkit_operations> {
    guard let kernels = rnnkit_kernels_named(rawValue) else { throw unavailable }
    // The tables are constants of the C library's and are never freed.
    let base = UnsafeRawPointer(kernels)
    let member =
      precision == .float32 ? \rnnkit_kernels.float32 as PartialKeyPath<rnnkit_kernels> : \rnnkit_kernels.float64
    guard let offset = MemoryLayout<rnnkit_kernels>.offset(of: member) else {
      throw RNNError(.defect, "the kernels' table has no fixed layout")
    }
    return (base + offset).assumingMemoryBound(to: rnnkit_operations.self)
  }
}

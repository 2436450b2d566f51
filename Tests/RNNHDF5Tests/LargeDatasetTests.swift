import CHDF5
import Foundation
import RNNFormats
import RNNHDF5
import RNNModel
import Testing

/// Datasets that are read in several pieces: in memory, in a shared part of the temporary file, and in one of their own.
@Suite(.serialized) struct LargeDatasetTests {
  @Test(arguments: [
    (axes: [3000, 1111], chunk: [64, 100]),
    (axes: [2, 3, 1000, 517], chunk: [1, 2, 300, 7]),
    (axes: [5_000_000], chunk: [4_999_999]),
    (axes: [3, 6_000_000], chunk: [3, 100_000]),
  ])
  func readsChunksPieceByPiece(_ axes: [Int], _ chunk: [Int]) throws {
    let folder = try TemporaryFolder()
    let values = (0..<UInt32(axes.reduce(1, *))).map { $0 &* 2_654_435_761 >> 7 }
    try Self.write(values, axes, chunk, to: folder("x.h5"))
    let dataset = try HDF5File().readTree(folder("x.h5")).dataset("x")
    #expect(dataset.tensor.shape.dimensions == axes)
    #expect(dataset.fileOffset == nil)
    let isSame = dataset.tensor.withUnsafeBytes { found in
      values.withUnsafeBytes { expected in
        guard let a = found.baseAddress, let b = expected.baseAddress, found.count == expected.count else { return false }
        return memcmp(a, b, expected.count) == 0
      }
    }
    #expect(isSame)
  }

  /// A dataset "x" of big-endian numbers, shuffled and packed with gzip, written by libhdf5.
  private static func write(_ values: [UInt32], _ axes: [Int], _ chunk: [Int], to path: String) throws {
    let file = H5Fcreate(path, rnn_h5f_truncate(), 0, 0)
    let space = H5Screate_simple(Int32(axes.count), axes.map(hsize_t.init), nil)
    let creation = H5Pcreate(rnn_h5p_dataset_create())
    let type = H5Tcopy(rnn_h5t_uint32())
    H5Tset_order(type, H5T_ORDER_BE)
    H5Pset_chunk(creation, Int32(chunk.count), chunk.map(hsize_t.init))
    H5Pset_shuffle(creation)
    H5Pset_deflate(creation, 1)
    let dataset = H5Dcreate2(file, "x", type, space, 0, creation, 0)
    let status = H5Dwrite(dataset, rnn_h5t_uint32(), 0, 0, 0, values)
    for id in [dataset, type, creation, space, file] { H5Idec_ref(id) }
    try #require(status >= 0)
  }
}

// Runs a model on a sequence: float32 numbers on standard input, a row of features after the other, and the result's on
// standard output.
//
//	go build -o run . && ./run model.rnn < x.f32 > y.f32
package main

// #cgo pkg-config: rnnkit
// #include <rnnkit.h>
// #include <stdlib.h>
import "C"

import (
	"errors"
	"fmt"
	"io"
	"os"
	"unsafe"
)

// failure takes over an error of the library's.
func failure(e *C.rnnkit_error) error {
	defer C.rnnkit_error_free(e)
	return errors.New(C.GoString(C.rnnkit_error_message(e)))
}

// Plan is a model that is ready to run; any number of goroutines may use one at once.
type Plan struct {
	handle *C.rnnkit_plan
	info   C.rnnkit_plan_info
}

// Open reads a model file and makes it ready to compute in float32.
func Open(path string) (*Plan, error) {
	name := C.CString(path)
	defer C.free(unsafe.Pointer(name))
	var e *C.rnnkit_error
	model := C.rnnkit_open(name, nil, &e)
	if model == nil {
		return nil, failure(e)
	}
	defer C.rnnkit_model_free(model)
	options := C.rnnkit_plan_options{precision: C.RNNKIT_FLOAT32}
	options.struct_size = C.size_t(unsafe.Sizeof(options))
	plan := Plan{handle: C.rnnkit_plan_make(model, &options, &e)}
	if plan.handle == nil {
		return nil, failure(e)
	}
	plan.info.struct_size = C.size_t(unsafe.Sizeof(plan.info))
	if C.rnnkit_plan_get_info(plan.handle, &plan.info, &e) != 0 {
		defer plan.Close()
		return nil, failure(e)
	}
	return &plan, nil
}

// Close frees the plan.
func (p *Plan) Close() { C.rnnkit_plan_free(p.handle) }

// Run gives what the model makes of one sequence, rows of InputSize features.
func (p *Plan) Run(x []float32) ([]float32, error) {
	if len(x) == 0 {
		return nil, errors.New("no input")
	}
	var e *C.rnnkit_error
	// A struct that holds pointers is passed to C in C's memory, and so are the arrays that it names.
	size := C.size_t(len(x)) * 4
	data := C.malloc(size)
	defer C.free(data)
	copy(unsafe.Slice((*float32)(data), len(x)), x)
	arrays := (*[2]C.rnnkit_array)(C.calloc(2, C.size_t(unsafe.Sizeof(C.rnnkit_array{}))))
	defer C.free(unsafe.Pointer(arrays))
	shapes := (*[2 * C.RNNKIT_MAXIMUM_RANK]C.int64_t)(C.calloc(2*C.RNNKIT_MAXIMUM_RANK, 8))
	defer C.free(unsafe.Pointer(shapes))
	in, out := &arrays[0], &arrays[1]
	steps := C.int64_t(len(x)) / p.info.input_size
	shapes[0], shapes[1] = steps, p.info.input_size
	in.data, in._type, in.rank, in.shape = data, C.RNNKIT_FLOAT32, 2, &shapes[0]
	out._type, out.shape = C.RNNKIT_FLOAT32, &shapes[C.RNNKIT_MAXIMUM_RANK]
	if C.rnnkit_plan_get_shape(p.handle, nil, steps, -1, &shapes[C.RNNKIT_MAXIMUM_RANK], &out.rank, &e) != 0 {
		return nil, failure(e)
	}
	count := 1
	for axis := 0; axis < int(out.rank); axis++ {
		count *= int(shapes[C.RNNKIT_MAXIMUM_RANK+axis])
	}
	out.data = C.malloc(C.size_t(count) * 4)
	defer C.free(out.data)
	if C.rnnkit_run(p.handle, in, 1, out, 1, nil, &e) != 0 {
		return nil, failure(e)
	}
	return append([]float32(nil), unsafe.Slice((*float32)(out.data), count)...), nil
}

func run(path string) error {
	plan, err := Open(path)
	if err != nil {
		return err
	}
	defer plan.Close()
	bytes, err := io.ReadAll(os.Stdin)
	if err != nil || len(bytes) < 4 {
		return fmt.Errorf("no input: %v", err)
	}
	y, err := plan.Run(unsafe.Slice((*float32)(unsafe.Pointer(&bytes[0])), len(bytes)/4))
	if err != nil {
		return err
	}
	_, err = os.Stdout.Write(unsafe.Slice((*byte)(unsafe.Pointer(&y[0])), len(y)*4))
	return err
}

func main() {
	if len(os.Args) != 2 {
		os.Exit(64)
	}
	if err := run(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "run:", err)
		os.Exit(65)
	}
}

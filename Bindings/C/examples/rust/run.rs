//! Runs a model step by step: float32 numbers on standard input, a row of features after the other, and the result of each
//! step on standard output.
//!
//!     rustc -O run.rs -L native=PREFIX/lib && ./run model.rnn < x.f32 > y.f32

use std::ffi::{CStr, CString};
use std::io::{Read, Write};
use std::os::raw::{c_char, c_void};
use std::ptr::{null, null_mut};

/// The part of rnnkit.h that is used here.
mod ffi {
    use super::*;

    #[repr(C)]
    #[derive(Default)]
    pub struct PlanInfo {
        pub struct_size: usize,
        pub input_size: i64,
        pub output_size: i64,
        pub input_count: i32,
        pub output_count: i32,
        pub precision: i32,
        pub batch_first: i32,
        pub takes_indices: i32,
        pub ends_in_last_step: i32,
        pub streamable: i32,
    }

    #[link(name = "rnnkit")]
    extern "C" {
        pub fn rnnkit_open(path: *const c_char, options: *const c_void, error: *mut *mut c_void) -> *mut c_void;
        pub fn rnnkit_model_free(model: *mut c_void);
        pub fn rnnkit_plan_make(model: *const c_void, options: *const c_void, error: *mut *mut c_void) -> *mut c_void;
        pub fn rnnkit_plan_free(plan: *mut c_void);
        pub fn rnnkit_plan_get_info(plan: *const c_void, info: *mut PlanInfo, error: *mut *mut c_void) -> i32;
        pub fn rnnkit_state_make(
            plan: *const c_void, batch: i64, members: *const c_void, count: usize, error: *mut *mut c_void,
        ) -> *mut c_void;
        pub fn rnnkit_state_free(state: *mut c_void);
        pub fn rnnkit_runner_make(plan: *const c_void, batch: i64, steps: i64, error: *mut *mut c_void) -> *mut c_void;
        pub fn rnnkit_runner_free(runner: *mut c_void);
        pub fn rnnkit_step_float32(
            runner: *mut c_void, state: *mut c_void, steps: i64, input: *const f32, input_count: usize, output: *mut f32,
            output_count: usize, error: *mut *mut c_void,
        ) -> i32;
        pub fn rnnkit_error_message(error: *const c_void) -> *const c_char;
        pub fn rnnkit_error_free(error: *mut c_void);
    }
}

type Error = Box<dyn std::error::Error>;

/// Takes over an error of the library's.
fn failure(error: *mut c_void) -> Error {
    let message = unsafe { CStr::from_ptr(ffi::rnnkit_error_message(error)) }.to_string_lossy().into_owned();
    unsafe { ffi::rnnkit_error_free(error) };
    message.into()
}

/// A sequence that is run as it comes.
struct Stream {
    runner: *mut c_void,
    state: *mut c_void,
    input_size: usize,
    output_size: usize,
}

// One thread at a time may use it, whichever that is.
unsafe impl Send for Stream {}

impl Stream {
    fn open(path: &str) -> Result<Stream, Error> {
        let path = CString::new(path)?;
        let mut error = null_mut();
        let mut info = ffi::PlanInfo { struct_size: std::mem::size_of::<ffi::PlanInfo>(), ..Default::default() };
        unsafe {
            let model = ffi::rnnkit_open(path.as_ptr(), null(), &mut error);
            if model.is_null() {
                return Err(failure(error));
            }
            let plan = ffi::rnnkit_plan_make(model, null(), &mut error);
            ffi::rnnkit_model_free(model);
            if plan.is_null() {
                return Err(failure(error));
            }
            let status = ffi::rnnkit_plan_get_info(plan, &mut info, &mut error);
            let runner = if status == 0 { ffi::rnnkit_runner_make(plan, 1, 1, &mut error) } else { null_mut() };
            let state = if runner.is_null() { null_mut() } else { ffi::rnnkit_state_make(plan, 1, null(), 0, &mut error) };
            ffi::rnnkit_plan_free(plan);
            let stream =
                Stream { runner, state, input_size: info.input_size as usize, output_size: info.output_size as usize };
            if state.is_null() { Err(failure(error)) } else { Ok(stream) }
        }
    }

    fn step(&mut self, input: &[f32], output: &mut [f32]) -> Result<(), Error> {
        let mut error = null_mut();
        let status = unsafe {
            ffi::rnnkit_step_float32(
                self.runner, self.state, 1, input.as_ptr(), input.len(), output.as_mut_ptr(), output.len(), &mut error)
        };
        if status == 0 { Ok(()) } else { Err(failure(error)) }
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        unsafe {
            ffi::rnnkit_state_free(self.state);
            ffi::rnnkit_runner_free(self.runner);
        }
    }
}

fn main() -> Result<(), Error> {
    let path = std::env::args().nth(1).ok_or("name a model")?;
    let mut stream = Stream::open(&path)?;
    let mut bytes = Vec::new();
    std::io::stdin().read_to_end(&mut bytes)?;
    let input: Vec<f32> = bytes.chunks_exact(4).map(|b| f32::from_ne_bytes([b[0], b[1], b[2], b[3]])).collect();
    let mut output = vec![0f32; stream.output_size];
    let mut result = Vec::new();
    for row in input.chunks_exact(stream.input_size) {
        stream.step(row, &mut output)?;
        for value in &output {
            result.extend_from_slice(&value.to_ne_bytes());
        }
    }
    std::io::stdout().write_all(&result)?;
    Ok(())
}

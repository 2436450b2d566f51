// An audio effect: a model of one sample in and one out, called for a block of frames at a time from a thread that must not
// wait. Here the host is main, which reads float32 samples from standard input and writes them to standard output.
//
//     c++ callback.cpp $(pkg-config --cflags --libs rnnkit) -o callback && ./callback model.rnn < dry.f32 > wet.f32
#include <rnnkit.h>

#include <cstdio>
#include <stdexcept>
#include <string>
#include <vector>

class Effect {
public:
  // On the main thread: reads the file, packs the weights, allocates.
  Effect(const char *path, int most_frames) : runner(NULL), state(NULL) {
    rnnkit_error *error = NULL;
    rnnkit_model *model = rnnkit_open(path, NULL, &error);
    rnnkit_plan_options options = RNNKIT_PLAN_OPTIONS_INIT;
    options.precision = RNNKIT_FLOAT32;
    rnnkit_plan *plan = model ? rnnkit_plan_make(model, &options, &error) : NULL;
    runner = plan ? rnnkit_runner_make(plan, 1, most_frames, &error) : NULL;
    state = runner ? rnnkit_state_make(plan, 1, NULL, 0, &error) : NULL;
    rnnkit_plan_free(plan);
    rnnkit_model_free(model);
    if (state == NULL) {
      const std::string message = rnnkit_error_message(error);
      rnnkit_error_free(error);
      rnnkit_runner_free(runner);
      throw std::runtime_error(message);
    }
  }

  ~Effect() {
    rnnkit_state_free(state);
    rnnkit_runner_free(runner);
  }

  // On the audio thread: allocates nothing and takes no lock. The state goes on from block to block.
  bool process(const float *in, float *out, size_t frames) {
    return rnnkit_step_float32(runner, state, static_cast<int64_t>(frames), in, frames, out, frames, NULL) == RNNKIT_OK;
  }

private:
  Effect(const Effect &);
  Effect &operator=(const Effect &);

  rnnkit_runner *runner;
  rnnkit_state *state;
};

int main(int count, char **arguments) {
  if (count != 2) return RNNKIT_USAGE;
  try {
    const size_t block = 64;
    Effect effect(arguments[1], block);
    std::vector<float> in(block), out(block);
    size_t frames;
    while ((frames = std::fread(&in[0], sizeof(float), block, stdin)) > 0) {
      if (!effect.process(&in[0], &out[0], frames)) return RNNKIT_USAGE;
      std::fwrite(&out[0], sizeof(float), frames, stdout);
    }
  } catch (const std::exception &error) {
    std::fprintf(stderr, "callback: %s\n", error.what());
    return RNNKIT_BAD_DATA;
  }
  return 0;
}

#pragma once

// What a confined process managed to do, one bit each.
enum {
  probe_opened = 1,     // a file by its path
  probe_connected = 2,  // made a socket
  probe_forked = 4,
  probe_started = 8,     // another program
  probe_made_code = 16,  // memory that can be executed
  probe_signalled = 32,  // its parent
  probe_worked = 64,     // wrote to an open descriptor, allocated memory
};

// Confines a new process and lets it try. -1 where the system cannot confine one.
int probe_confinement(void);

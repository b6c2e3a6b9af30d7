// Package chaos runs workers as users run them, breaks what they stand on, and
// proves afterwards that nothing was lost and nothing happened twice.
//
// A [Stand] has real processes of its own, all on the loopback address: the worker
// binary, one nats-server or three, PostgreSQL, and where the store wants it an S3
// server in this process. Between them are proxies that disturb. A workload submits
// jobs and writes down what it sent, what it was told and what it read (history.go);
// nemeses kill, stop, cut and delete meanwhile, one after another; then everything
// is put right, the queue runs dry, and the checker compares the history with what
// is in the store ([Check]).
//
// A seed decides what the workload sends and which nemesis comes when. It does not
// decide how processes are scheduled: the same seed is the same run, not the same
// instant.
package chaos

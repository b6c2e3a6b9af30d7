// Package pypeer runs the Python original, autocrud 0.9.0, beside our code, so
// that tests and benchmarks can compare the two on live data.
//
// A [Peer] is one long-lived Python process that serves requests over its
// standard input and output, one JSON object a line. An [App] is one
// application of the original inside it: models, a store, and the operations of
// the original on them. [State] is everything an application or a store of ours
// holds, in a form that is equal exactly when the data are.
//
// The environment is made by `make peer` and pinned by constraints.txt. It is
// never optional: a test that needs it fails when it is missing.
package pypeer

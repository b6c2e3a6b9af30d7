// Package pgtest runs a private PostgreSQL for tests: a cluster in a temporary
// directory that listens on a unix socket alone and ends with the process that
// started it, however that ends.
//
// A test that wants an empty database calls [Database]; one that stops, crashes
// or configures the server calls [Start] and has a cluster to itself.
//
// Nothing is downloaded. A machine without PostgreSQL fails the test, with a
// message that says what to install.
package pgtest

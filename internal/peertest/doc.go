// Package peertest holds the live tests with the Python original: what it
// writes is read here, what is written here is read there, and nothing is lost
// or changed on the way. The tests need the environment that `make peer` makes.
//
// Set SPECSTAR_TEST_LONG for many more random applications.
package peertest

// Package faultproxy stands between a client and a server and does what networks
// do: it delays, stalls in one or both directions, cuts after so many bytes,
// refuses connections.
//
// It is for tests, and reads nothing of what it carries.
package faultproxy

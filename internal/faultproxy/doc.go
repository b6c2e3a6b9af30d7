// Package faultproxy stands between a client and a server and does what networks
// do: it delays, stalls in one or both directions, cuts after so many bytes,
// refuses connections.
//
// It is for tests. [Proxy] reads nothing of what it carries; [Commits] knows just
// enough of PostgreSQL's protocol to break a connection in COMMIT.
package faultproxy

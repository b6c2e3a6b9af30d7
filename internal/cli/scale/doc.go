// Package scale measures how loads get faster with the number of workers: it starts
// worker processes before one PostgreSQL and one queue, has them load a generated
// archive into an empty schema, and tells throughput, and what of the machine, of the
// database and of the wire each resource took.
//
// Servers are those of this machine, and processes are ended only when they were started
// here.
package scale

// Package msgpack reads and writes the part of MessagePack that the original's
// records use: nil, booleans, 64-bit integers, floats, text, binary, arrays,
// maps and timestamps (extension -1).
//
// Input is not trusted. A [Reader] never allocates from a declared length:
// every length is compared with the bytes that are left first, nesting is
// limited to [MaxDepth], and text must be UTF-8. Output is always the smallest
// form, as the original writes it, so equal values give equal bytes.
package msgpack

// Package model gives payloads the bytes that the original would have stored
// for them.
//
// The original knows the type of each model: it decodes what is submitted and
// encodes it again, and the data hash is that of the result. A [Declaration]
// holds what that depends on: names and order of the fields, their types and
// defaults. It is written by hand or exported from the original's types, read
// with [ParseYAML], and compiled to a [Model], whose [Model.Canonical] checks a
// submitted payload and writes it in the original's form (spec, "Scalars" and
// "Encoders"): fields in declared order, defaults filled in, keys of maps and
// sets sorted, every scalar in its one form.
//
// A payload that does not fit is refused with a [*ValueError] that names the
// field, what was expected and what was found.
package model

// Package simple has the parts of a store that can be written once: loops where
// a database would have an index, and the jobs of a store that keeps them in
// memory. A store of your own begins with them and replaces what is too slow.
//
// Count looks at every meta, as qb.Select does for Search; DumpAll reads one
// resource after another; Each makes sequences that obey the rules of G6 and G7;
// Jobs is a ledger without locks, for a state that is guarded and kept by the
// store around it. Package memory and examples/customstore are built of them.
package simple

// Package storagetest proves that a store keeps the guarantees of package
// storage. A backend calls [Run] from one test with a [Harness]; the name of a
// failing subtest begins with the number of the guarantee that was broken:
// G3/unit_is_whole.
//
// A check is a function over a [T] and a store, not over a *testing.T, so that
// the suite can be run against stores that are broken on purpose: the package's
// own test shows that each of them is caught by name.
package storagetest

// Package arch holds no code of the program: its tests keep the packages in the
// order in which they may import each other. Data flows one way, from consumer
// to jobs to manager to storage, and the rules of that are in imports_test.go.
package arch

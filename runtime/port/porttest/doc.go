// Package porttest proves contracts of package port: one conformance suite
// per port, which its production and its simulated implementation both
// pass. A suite is a function that a test of the implementation calls.
package porttest

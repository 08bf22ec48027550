// Package indexes measures database engines under the load that the index
// puts on one, to back docs/decisions/002-index-engine.md: sealed rows under
// uniformly random keys, most of them new, in transactions that first check
// that some are. It has benchmarks only:
//
//	go test -bench . -benchtime 500x ./bench/indexes
package indexes

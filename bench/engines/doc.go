// Package engines measures block engines against each other on the load of
// NoiseFS: random blocks of 128 KiB, written with no sync, with a sync per 64
// and with a sync per block, by one writer and by eight, then read in random
// order, reopened, half deleted, and compacted. It has tests only:
//
//	go test ./bench/engines -bench . -benchtime 1x -timeout 2h
//
// NOISEFS_BENCH_BLOCKS is the number of blocks (default 2,000 = 250 MiB) and
// NOISEFS_BENCH_DIR the folder to work in (default: the system's for
// temporary files, which must not be in memory). -count repeats it all, each
// engine in turn. The choice that was made, with figures, is in
// docs/decisions/001-block-engine.md.
package engines

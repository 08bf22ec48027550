// Package atomicfile replaces small files so that a crash at any instant
// leaves the old content or the new, never a mixture and never neither.
//
// The steps are: write a temporary file beside the target, fsync it, rename
// it over the target, fsync the folder. The temporary file has a fixed name
// (the target's with [TempSuffix]), so at most one is ever left behind, and
// the next Replace or [Discard] removes it. Two processes must therefore not
// replace one file at the same time: callers hold the repository's lock.
//
// It is for files of a few KiB that are written seldom: the vault, the
// configuration. Blocks have their own engine.
package atomicfile

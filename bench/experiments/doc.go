// Package main runs the experiments of docs/experiments and writes a page of
// each: tables, drawings, the machine, the commit, and the command that
// repeats any of the runs.
//
// An [experiment] is data: scenario files, and variants of them by the
// parameters that differ. Every variant runs under the same seeds. Variants
// of one group are compared with the first of it in pairs that share a seed,
// so that what a seed alone does cancels out.
//
// Nothing on a page is written by hand but what the experiment is about;
// conclusions over several pages are in docs/experiments/README.md.
package main

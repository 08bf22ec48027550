// Package report holds what a simulated run measured, and writes it down:
// as a table for people, as one JSON object, as a page of HTML with plots,
// and as a log of events.
//
// # One result, one seed
//
// A [Result] belongs to a seed. Everything in it but WallSeconds follows from
// the plan and the seed, so that two runs of a seed give the same JSON but
// for that field, and the same HTML and events, which leave it out, byte for
// byte.
//
// # Figures
//
// What a run boils down to are its [Figures]: named numbers, described once,
// in [All]. A figure that a run did not measure is absent, never zero.
// Assertions, sweeps and comparisons name figures.
//
// # Statistics
//
// Means over seeds carry a 95 % confidence interval by Student's t, two
// variants are compared by the differences of pairs that share a seed, and
// load is spread as evenly as its Gini coefficient says.
//
// All writers report the first error of the io.Writer they were given.
package report

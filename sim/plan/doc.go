// Package plan reads scenarios: what to simulate, and what must come of it.
//
// A scenario is a YAML file, or a built-in by name. [Load] reads one into a
// [Plan] and checks it: every key must be known, every value of its type and
// within its bounds, every reference good, and the settings possible
// together. All that is wrong is reported at once, as [Problems], each with
// file, line and column. A Plan that was returned needs no further checks.
//
// # Defaults and overrides
//
// A key that a file leaves out has the value of [Default]. An [Override]
// replaces the value of one key before the checks, by its dotted path, so
// that nothing gets around them: "nodes", "churn.medianSession",
// "workloads.0.rate".
//
// # Keys
//
// Keys are declared as the tags of the fields of Plan and of what it is made
// of; docs/simulation.md is generated from tags and comments:
//
//	key:"nodes"            the key
//	in:"1..20000"          bounds of a number or duration, both allowed
//	one:"lan,internet"     the words or numbers that are allowed
//	len:"1..80"            bounds of the length of a text, or of a list
//
// A pointer is nil when the key is absent. Durations are written 300ms, 10s,
// 1h30m or 365d. A share is a number from 0 to 1.
package plan

// Package config reads the one configuration of a node: every bound, its
// unit, its default and where its value came from.
//
// A setting has a key, group.name, and comes from four sources, each over
// the one before:
//
//  1. its default;
//  2. config.toml in the repository: the name in the table [group];
//  3. the environment: NOISEFS_GROUP_NAME (empty counts as not set);
//  4. the command line: --group-name, with - for _.
//
// The text is the same everywhere: sizes (64MiB, 50GB, 4096), rates
// (10MB/s), durations (10s, 1h30m), shares (0.5, 50%), counts. In TOML it is
// quoted unless it is a plain number.
//
// [Load] gives a [Config] that is valid as a whole or an error that lists
// everything that is wrong, with lines and with guesses at what was meant:
// an unknown key is a mistake, not a comment. [Config.Show] tells the value
// and the origin of each setting. [Check] looks at a file alone. [Set]
// changes one setting in a file and leaves every other byte as it was.
//
// All settings are declared in the fields file as data; reading, printing,
// checking and docs/configuration.md are made from that. There are no
// secrets in the configuration: passphrases have sources of their own (see
// runtime/vault), and no error shows the value of a key that is unknown.
package config

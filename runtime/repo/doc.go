// Package repo opens a repository on disk and runs a node over it.
//
// A repository is a directory:
//
//	repo.json    format version and repository id; readable by anyone
//	vault.json   the wrapped master key
//	config.toml  settings, if any were set
//	lock         held by the one process that has the repository open
//	blocks/      the block engine's segments
//	index/       the sealed database
//	damage.json  how much the last verification found, if anything
//	api.sock     the running daemon's socket (or a file that says where it is)
//
// One process at a time opens a repository; others talk to it over the
// socket. [Create] makes one, [Open] locks it, opens what is in it and
// starts the node, and [Repo.Close] stops it all in reverse.
package repo

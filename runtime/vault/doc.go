// Package vault opens and creates the file that holds a repository's master
// key, and derives every other long-lived key from it.
//
// # What is where
//
// The repository folder has a file vault.json ([FileName]): format version,
// repository id, mode, and the master key, 32 random bytes, wrapped as the
// mode says:
//
//   - passphrase: Argon2id over the passphrase gives a key that wraps it.
//   - key file: a separate file of at least 32 random bytes wraps it. The
//     file is not stretched, so it must be random, not a sentence.
//   - none: it stands there readable. Whoever has the disk reads everything.
//
// Wrapping is AES-256-GCM under a key derived for this one write from a
// fresh random salt, with a random nonce. The additional data are all other
// fields, so none of them can be exchanged. The file's last field is a plain
// SHA-256 of the rest: it tells a rotten file from a wrong passphrase.
//
// # Keys
//
// [Vault.Derive] makes the key of a declared [Purpose] by HKDF-SHA256
// (RFC 5869). Keys of single blocks are not among them: those are drawn at
// random for one write each and travel in block refs.
//
// [Vault.KeepNetwork] seals the secret of a private network, which is drawn
// elsewhere, into a file of its own, network.sealed, that opens with this vault
// alone.
//
// The master key is kept in memory that is locked (never swapped), fenced by
// guard pages, read-only, and wiped by [Vault.Close]. This narrows a window
// and closes none: Go copies what it hashes, and whoever controls the
// unlocked machine controls the keys. [DisableCoreDumps] keeps them out of
// core files.
//
// # Change and failure
//
// [ChangePassphrase] wraps the same master key anew, from any mode to any
// mode; no data is touched. A crash leaves the old file or the new one.
// Someone who kept a copy of the old file and knows the old passphrase still
// has the master key, and the old file may survive in free space of the disk
// (above all: leaving mode none does not erase the readable key from it).
// Whoever must be rid of that makes a new repository.
//
// Opening with a wrong passphrase does exactly the work of a right one, and
// fails with [ErrWrongPassphrase]. Bounds on the cost of Argon2id are
// checked before it runs, so a hostile file can neither weaken nor exhaust
// us.
//
// # Passphrases
//
// A [Passphrase] prints as [redacted] however it is printed. It comes from a
// terminal, a file or a command. There is no environment variable for it:
// the environment is inherited by every child process and shown by ps. Bytes
// are used as given, without Unicode normalization.
//
// The vault takes no lock: callers that create or change hold the
// repository's lock.
package vault

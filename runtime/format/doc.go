// Package format encodes and decodes everything that NoiseFS writes into a
// block, and the text of a link. It is pure: no clock, no entropy, no disk,
// no actor. Keys and padding come from the caller, blocks go to the caller.
//
// # Nouns
//
//   - A block is what is stored: [Params.BlockSize] bytes named by their
//     SHA-256 ([Name]).
//   - W is a block's plaintext sealed under a key used once ([Seal]); it has
//     the same size. D = W XOR A XOR B is what is stored of it ([Mix]);
//     [Open] undoes both.
//   - A ref (messages.BlockRef) is all that is needed to read one block.
//   - A chunk is a block of file content, level 0. A node is a block that
//     holds a [Node]: a zstd-compressed protobuf message, level 1 and up.
//   - A content tree holds a file's chunk refs ([ContentBuilder]); a
//     directory tree holds a directory's entries ([DirectoryBuilder]). Both
//     are changed by touching as many nodes as the tree is deep.
//   - A pack is a run of chunks that holds many small files, each sealed
//     under a key of its own ([SealPacked]).
//   - A link is a root's ref as text ([FormatLink]).
//
// # How a file is written
//
// Fill a buffer of BlockSize bytes with a chunk and random padding, Seal it
// with a fresh random key, Mix it with two randomizers, store D, A and B,
// and tell the ContentBuilder the ref. What the builder answers are nodes to
// be sealed and stored in the same way. A pending node's payload is shorter
// than a block: pad it with random bytes, never with zeros.
//
// # What decoders promise
//
// Input is hostile. Every count, size, length and depth has a bound that is
// checked before memory is taken for it. Encodings are canonical: what
// decodes without error encodes to the same bytes, unknown fields and
// repeated defaults are refused. Whatever is wrong, the error wraps one of
// the sentinels in errors.go, and its text holds no key, name, size or
// content of a file, only limits. Encoders check the same rules as decoders.
//
// docs/format.md has the same, byte by byte, for a second implementation.
package format

package format

import "errors"

// Errors of this package. Everything returned wraps one of them.
var (
	// ErrParams: the block size is no power of two in 1024..131072.
	ErrParams = errors.New("format: bad parameters")
	// ErrBlockSize: a block or buffer has not the size it must have.
	ErrBlockSize = errors.New("format: wrong block size")
	// ErrTag: the bytes are not what the ref vouches for.
	ErrTag = errors.New("format: decryption failed: wrong key or damaged bytes")
	// ErrMalformed: bytes that no encoder writes, or values that none may write.
	ErrMalformed = errors.New("format: malformed")
	// ErrTooLarge: a limit on size, count or depth is passed.
	ErrTooLarge = errors.New("format: too large")
	// ErrBadRef: a ref with equal or missing members, no key, or a wrong
	// level or length for its place.
	ErrBadRef = errors.New("format: bad block ref")
	// ErrBadName: an empty or over-long name, ".", "..", "/" or NUL.
	ErrBadName = errors.New("format: bad name")
	// ErrOrder: entries or calls out of their order, or given twice.
	ErrOrder = errors.New("format: out of order")
	// ErrVersion: written by a newer version of NoiseFS.
	ErrVersion = errors.New("format: written by a newer version of NoiseFS")
	// ErrBadLink: the text is no link, or has a typing error.
	ErrBadLink = errors.New("format: not a valid link")
)

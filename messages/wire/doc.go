// Package wire encodes and decodes what nodes send each other: protobuf
// messages, one file per protocol, read and written by hand over protowire.
//
// # Rules
//
// A decoder treats its input as hostile: it bounds counts and lengths before
// it allocates, copies what it keeps, and returns [ErrMalformed] or
// [ErrTooLarge], never a half-read message. Unknown fields are skipped, so
// that a newer node may say more to an older one; a change that older nodes
// must not overlook gets a new protocol number. Fields are written in
// ascending order, and defaults are left out, so one message has one encoding.
//
// The simulation encodes and decodes every packet, as the real wire does.
package wire

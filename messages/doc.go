// Package messages is the vocabulary of the house: identifiers, block
// refs, secrets, and one file of messages per receiving actor.
//
// It is a leaf package: it imports nothing of the project, so that every
// other package may speak it.
//
// # Kinds of message
//
//   - A command is an imperative verb and a noun (PutBlocks). It embeds
//     [Call], which carries the correlation id chosen by the asker, and it
//     gets exactly one reply.
//   - A reply is the past fact (BlocksStored), or [Failed] with a code and
//     an error. It embeds [Answer].
//   - An event is in the past tense (PeerJoined) and has no reply.
//   - A port answer (BlocksPut, IndexCommitted, WorkDone) comes from a port
//     that the actor itself called.
//
// What an actor receives is a sealed interface, one per actor (ForStore),
// and a test proves that the actor's switch names every member.
//
// # Ownership
//
// A message is immutable once sent. The bytes it points to belong to
// everybody from then on, which is to say that nobody writes to them.
package messages

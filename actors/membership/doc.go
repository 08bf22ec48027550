// Package membership finds out who is in the network, who is not there any
// more, and how far away everybody is.
//
// # Contract
//
// It speaks messages.ProtocolMember with the memberships of other nodes, by
// requests alone. It tells the siblings named in Config.Tell
// [messages.ViewChanged]: at once at the start, then at most once in
// Config.ViewInterval when somebody came or went, is suspected, or has another
// capacity, domain or uptime class; at most once in Config.CoordinateInterval
// when only coordinates moved; and at least once a minute. Views share the
// records of members that did not change. The node itself is a member of its
// own view.
//
// [messages.ListMembers] is answered with the view of now.
// [messages.PeersFound] is an event: whoever is not known is asked for the
// network. [messages.ReachFound] is one, too: what this node says of itself
// follows it. [messages.LeaveNetwork] is answered when Config.LeaveFanout members
// have been told, or did not answer; from then on nothing is asked any more,
// and CodeOverload refuses those that ask to leave in too great a number.
//
// # How it finds out
//
// SWIM (Das, Gupta, Motivala, DSN 2002): once in Config.ProbeInterval one
// member, in a shuffled round of all, is asked whether it is there; if it does
// not answer, some others are asked to reach it; if nobody can, it is
// suspected. News rides on all of these packets, in both directions. Suspects
// refute by raising their incarnation, which begins at the Unix time of their
// start in milliseconds, so that it also grows over restarts; those that do
// not are dead. How long they have shrinks as others confirm, and a node that
// hears from nobody is slow to accuse (Lifeguard). Now and then everything is
// compared with one member, page by page.
//
// Three rules differ from hashicorp/memberlist. Nobody is dead on another's
// word: who is said to be dead is asked, soon, and that is what brings both
// halves of a parted network up to date, too. The dead are remembered, and
// asked now and then, so that the halves find each other without seeds. Every
// packet begins with the sender's own record, so a direct contact needs no
// gossip.
//
// Who is asked is told what is believed of it unless that is "alive", and who
// learns that it is suspected says at once that it is not.
//
// # What others say
//
// Records are not signed: who a packet comes from is proved, what it says of
// third parties is not. A liar can have a member doubted, or for the moments
// until the truth comes round show it as gone by its own will or with another
// capacity; it cannot have it declared dead, cannot speak for it for long, and
// cannot exceed its incarnation, since those beyond tomorrow are refused.
// It can invent members: they are asked, and die.
//
// # State and bounds
//
// At most Config.MembersMax members are known, the dead among them. When a new
// one has no room, the one that is gone for longest makes way. Are all there,
// those within 64 places of this node on the ring are kept, on both sides: they
// are what placement needs for every block that this node may hold. Of the rest
// an even sample is kept, drawn by a key that is this node's own. Everything
// else is bounded by the fields of [Config].
//
// The uptime class is what this node saw itself: the share of time that a
// member was there, decayed with Config.UptimeHalfLife, from an assumed 0.9 at
// first; 0.5, 0.8 and 0.95 divide the classes.
//
// Coordinates are Vivaldi's, see vivaldi.go. A node tells where it is when it
// has moved; others carry that on with every comparison.
//
// A restart forgets everything but the incarnation, by way of the clock: it
// joins again through the seeds, discovery, or whoever asks it first.
package membership

// Package network simulates what lies between nodes: latency, access links,
// loss, partitions and the rest that packets meet.
//
// It knows sizes, places and times, and nothing of what packets say. A
// [Network] runs in somebody's virtual time ([Timers]) and hands what
// arrives to a [Receiver]. It has no randomness but its seed, and is used by
// one goroutine.
//
// # The way of a packet
//
// A packet leaves through the sender's uplink, travels for the latency of
// the two places, and enters through the receiver's downlink. The path
// between is never short of bandwidth; the access links are. A transfer is
// not stored on the way: its last byte arrives as if it had run through both
// links at once.
//
// An access link is shared fairly between the peers it serves (pipe.go).
// A packet of one frame goes ahead of bulk, as fair queueing lets sparse
// flows do (RFC 8290, section 4.2).
//
// # Datagrams and streams
//
// A datagram may be lost, duplicated or delayed out of order. A stream packet
// is what a request or a response is made of: the transport sends again what
// is lost, so that loss shows as delay. The rule, per packet with at least
// one lost frame: more than three frames lose a round trip each time (fast
// retransmit, RFC 5681, section 3.2: it takes three duplicate
// acknowledgements); fewer wait for the retransmission timeout, a round trip
// and 200 ms (Linux's minimum), which doubles each time (RFC 6298, section
// 5.5).
//
// A stream to a node that cannot be reached fails after Options.DialTimeout;
// a datagram there is lost.
//
// # Randomness
//
// What happens to a packet is drawn from the seed, the sender, the receiver,
// the time it is sent and how many went between the two at that same time
// (draw.go). So a packet more on one pair shifts no draw of another, and no
// counter per pair is kept. Bursts of loss are a process of each access
// link in time, whether anything is sent or not.
//
// # Cost
//
// A packet of one frame costs one timer, one of blocks two, and one more for
// each time that others slow it down. A node takes a kilobyte, and one more
// where connections are kept account of.
package network

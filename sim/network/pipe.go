package network

import "container/heap"

// sparseNS is how long packets of one frame may queue ahead of bulk before
// they are treated as bulk themselves.
const sparseNS = 20e6

// pipe is one direction of a node's access link. Bulk packets share it by
// generalized processor sharing: each peer with something under way gets an
// equal part of the rate, at every instant, and within a peer the packets go
// one after the other.
//
// It is computed in virtual service time, in nanoseconds of the whole link: a
// job that needs w alone is done when its peer was served until its finish
// tag, max(served, the tag of the job before it) + w. A pipe is brought up to
// date when somebody looks, so it needs no timer, and costs O(peers under
// way) per packet.
// Source: Parekh and Gallager, "A generalized processor sharing approach to
// flow control", IEEE/ACM ToN 1(3), 1993.
type pipe struct {
	bitsPerSecond int64    // 0: endless
	atNS          int64    // served and jobs are as of here
	served        int64    // ns of service that each flow got since the pipe was empty
	waiting       [2]int64 // bytes of the jobs: of datagrams, and of streams
	arrivals      uint64
	jobs          jobHeap
	flows         []*flow // with jobs, in no order
	spare         *flow   // the last one that ended, to be used again
}

// flow is what a pipe carries for one peer.
type flow struct {
	peer Peer
	last int64 // finish tag of its last job
	jobs int
	at   int // in pipe.flows
}

// job is a bulk packet in a pipe.
type job struct {
	flow   *flow
	finish int64 // tag
	number uint64
	kind   int // in pipe.waiting
	bytes  int64
	left   bool
	leftNS int64 // when the last byte left, once left
}

// work returns how long bytes take on the whole link.
func (p *pipe) work(bytes int64, slowdown float64) int64 {
	if p.bitsPerSecond == 0 {
		return 0
	}
	return int64(float64(bytes) * slowdown * (8e9 / float64(p.bitsPerSecond)))
}

// advance serves until now.
func (p *pipe) advance(nowNS int64) {
	for len(p.jobs) > 0 && p.atNS < nowNS {
		flows := int64(len(p.flows))
		first := p.jobs[0]
		need := (first.finish - p.served) * flows
		if p.atNS+need > nowNS {
			each := (nowNS - p.atNS) / flows
			p.served += each
			p.atNS += each * flows // the rest counts the next time
			return
		}
		p.atNS += need
		p.served = first.finish
		first.left, first.leftNS = true, p.atNS
		p.remove(first)
	}
}

func (p *pipe) remove(first *job) {
	heap.Pop(&p.jobs)
	p.waiting[first.kind] -= first.bytes
	f := first.flow
	if f.jobs--; f.jobs > 0 {
		return
	}
	last := len(p.flows) - 1
	p.flows[f.at] = p.flows[last]
	p.flows[f.at].at = f.at
	p.flows[last] = nil
	p.flows = p.flows[:last]
	p.spare = f
	if last == 0 {
		p.served = 0
	}
}

// Kinds of jobs.
const (
	kindDatagram = 0
	kindStream   = 1
)

// bulk adds a job for a peer.
func (p *pipe) bulk(nowNS int64, peer Peer, kind int, bytes, work int64) *job {
	p.advance(nowNS)
	if len(p.jobs) == 0 {
		p.atNS = max(p.atNS, nowNS)
	}
	f := p.flow(peer)
	f.jobs++
	f.last = max(f.last, p.served) + max(1, work)
	p.arrivals++
	p.waiting[kind] += bytes
	j := &job{flow: f, finish: f.last, number: p.arrivals, kind: kind, bytes: bytes}
	heap.Push(&p.jobs, j)
	return j
}

func (p *pipe) flow(peer Peer) *flow {
	for _, f := range p.flows {
		if f.peer == peer {
			return f
		}
	}
	f := p.spare
	if p.spare = nil; f == nil {
		f = new(flow)
	}
	*f = flow{peer: peer, at: len(p.flows)}
	p.flows = append(p.flows, f)
	return f
}

// leaves returns when the last byte of a job leaves: exactly, if nothing
// else comes meanwhile, and later if it does. Until the job's tag is reached,
// each flow is served to that tag or to its own end.
func (p *pipe) leaves(j *job) int64 {
	if j.left {
		return j.leftNS
	}
	at := p.atNS
	for _, f := range p.flows {
		at += min(f.last, j.finish) - p.served
	}
	return at
}

// sparse reports whether a packet of one frame may go ahead of bulk.
func (p *pipe) sparse(nowNS int64) bool { return p.atNS-nowNS <= sparseNS }

// ahead takes the whole pipe for a packet of one frame, as soon as those
// before it are through, and returns when that is.
func (p *pipe) ahead(nowNS, work int64) (leavesNS int64) {
	p.advance(nowNS)
	p.atNS = max(p.atNS, nowNS) + work
	return p.atNS
}

// empty forgets what is under way.
func (p *pipe) empty() { *p = pipe{bitsPerSecond: p.bitsPerSecond} }

// jobHeap orders jobs by finish tag, and by age within one.
type jobHeap []*job

// Len implements [heap.Interface].
func (h jobHeap) Len() int { return len(h) }

// Less implements [heap.Interface].
func (h jobHeap) Less(i, j int) bool {
	return h[i].finish < h[j].finish || h[i].finish == h[j].finish && h[i].number < h[j].number
}

// Swap implements [heap.Interface].
func (h jobHeap) Swap(i, j int) { h[i], h[j] = h[j], h[i] }

// Push implements [heap.Interface].
func (h *jobHeap) Push(x any) { *h = append(*h, x.(*job)) }

// Pop implements [heap.Interface].
func (h *jobHeap) Pop() any {
	last := len(*h) - 1
	j := (*h)[last]
	(*h)[last] = nil
	*h = (*h)[:last]
	return j
}

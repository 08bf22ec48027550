package store

import "github.com/noisefs/noisefs/messages"

// room knows how much may still be put. Between two looks at the engine it
// errs to the safe side: it adds what was put since, also blocks that the
// engine had already.
type room struct {
	quotaBytes   int64 // 0: none
	reserveBytes int64

	diskBytes int64 // what the engine took at the last look
	freeBytes int64 // what the disk could take then
	putBytes  int64 // put and answered since that look was asked for
	inFlight  int64 // being put

	asked, answered int   // looks; at most one is under way
	askedAtPut      int64 // putBytes when the last one was asked for
}

// refusal says why bytes more may not be put, or nil.
func (r *room) refusal(bytes int64) *messages.Error {
	more := r.putBytes + r.inFlight + bytes
	if r.quotaBytes > 0 && r.diskBytes+more > r.quotaBytes {
		return messages.Errorf(messages.CodeQuota,
			"the quota of %d bytes is reached: %d are in use", r.quotaBytes, r.diskBytes)
	}
	if r.freeBytes-more < r.reserveBytes {
		return messages.Errorf(messages.CodeNoSpace,
			"no space left: %d bytes are free on the disk, of which %d are kept in reserve",
			r.freeBytes, r.reserveBytes)
	}
	return nil
}

// begin takes in that bytes are being put.
func (r *room) begin(bytes int64) {
	r.inFlight += bytes
}

// end takes in that a put is over. A failed one may have written all the
// same, so it counts until the next look.
func (r *room) end(bytes int64) {
	r.inFlight -= bytes
	r.putBytes += bytes
}

// final tells whether a refusal of a put is final: the engine was asked
// after the put arrived, when that many looks had been asked for, and nothing
// is estimated.
func (r *room) final(askedAtArrival int) bool {
	return r.answered > askedAtArrival && r.inFlight == 0 && r.putBytes == 0
}

// looking tells whether the engine is being asked.
func (r *room) looking() bool { return r.asked > r.answered }

// look tells that the engine is being asked.
func (r *room) look() {
	r.asked++
	r.askedAtPut = r.putBytes
}

// looked takes in the answer. It counts what was answered before it was
// asked for; of what was in flight then it may or may not count some, which
// stays added.
func (r *room) looked(usage messages.BlocksUsage) {
	r.answered++
	r.diskBytes, r.freeBytes = usage.DiskBytes, usage.FreeBytes
	r.putBytes -= r.askedAtPut
}

// known tells whether the engine has answered once.
func (r *room) known() bool { return r.answered > 0 }

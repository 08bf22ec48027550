package store

import "github.com/noisefs/noisefs/messages"

// room knows how much may still be put. Between two looks at the engine it
// errs to the safe side: it adds what was put since, also blocks that the
// engine had already.
type room struct {
	quotaBytes   int64 // 0: none
	reserveBytes int64

	known     bool  // the engine has answered once
	diskBytes int64 // what the engine took at the last look
	freeBytes int64 // what the disk could take then
	putBytes  int64 // put and answered since that look was asked for
	inFlight  int64 // being put

	looking     bool  // a look is under way
	lookedAtPut int64 // putBytes when it was asked for
	exact       bool  // nothing was put since the last look was asked for
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
			"%d bytes are free on the disk, of which %d are kept in reserve",
			r.freeBytes, r.reserveBytes)
	}
	return nil
}

// begin takes in that bytes are being put.
func (r *room) begin(bytes int64) {
	r.inFlight += bytes
	r.exact = false
}

// end takes in that a put is over. A failed one may have written all the
// same, so it counts until the next look.
func (r *room) end(bytes int64) {
	r.inFlight -= bytes
	r.putBytes += bytes
}

// look tells that the engine is being asked.
func (r *room) look() {
	r.looking = true
	r.lookedAtPut = r.putBytes
	r.exact = r.inFlight == 0
}

// looked takes in the answer. It counts what was answered before it was
// asked for; of what was in flight then it may or may not count some, which
// stays added.
func (r *room) looked(usage messages.BlocksUsage) {
	r.known, r.looking = true, false
	r.diskBytes, r.freeBytes = usage.DiskBytes, usage.FreeBytes
	r.putBytes -= r.lookedAtPut
	r.lookedAtPut = 0
}

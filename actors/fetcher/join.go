package fetcher

// giveUp fails a block that nobody had. Soon after the start it may only not be
// known yet who is there: then the block waits for another view.
func (c *core) giveUp(f *flight) {
	if c.nowNS >= c.joinedNS {
		c.fail(f, f.unavailable())
		return
	}
	f.queued = false
	c.joining = append(c.joining, f)
	c.wakeBy(c.joinedNS)
}

// rejoin has the blocks that wait for another view asked for by it.
func (c *core) rejoin() {
	waiting := c.joining
	c.joining = nil
	for _, f := range waiting {
		if f.done {
			continue
		}
		f.view, f.order = nil, nil
		f.tried, f.busy, f.silent, f.calmNS = 0, 0, 0, 0
		c.enqueue(f)
	}
	c.address(waiting)
	c.pump()
}

// endJoining gives up what waits for another view when it is time.
func (c *core) endJoining() {
	switch {
	case len(c.joining) == 0:
	case c.nowNS < c.joinedNS:
		c.wakeBy(c.joinedNS)
	default:
		waiting := c.joining
		c.joining = nil
		for _, f := range waiting {
			if !f.done {
				c.giveUp(f)
			}
		}
	}
}

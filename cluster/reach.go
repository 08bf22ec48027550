package cluster

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/libp2p/go-libp2p/core/event"

	"github.com/noisefs/noisefs/messages"
)

// reach is what is known of how others can connect to this node, and what is
// done about it.
type reach struct {
	host         *Host
	watched      event.Subscription
	service      *relayService
	reservations *reservations
	// dialable is what others say; Auto: nothing yet.
	dialable Choice
}

// watchReach follows what others say of this node's addresses. libp2p asks them
// (AutoNAT version 2) to connect to each that is of the public internet: a node
// that listens on none, in a house or on one machine, learns nothing, and counts
// as one that can be reached, unless its configuration knows better.
func (h *Host) watchReach() error {
	watched, err := h.host.EventBus().Subscribe(new(event.EvtHostReachableAddrsChanged))
	if err != nil {
		return fmt.Errorf("cluster: reach: %w", err)
	}
	h.reach = watched
	kept, err := newReservations(h.host, h.config.Bounds)
	if err != nil {
		return err
	}
	r := &reach{
		host: h, watched: watched, reservations: kept,
		service: &relayService{host: h.host, bounds: h.config.Bounds},
	}
	if h.config.Relayed == Always {
		r.found(Never)
	}
	if err := r.mind(h.exchanges.ended); err != nil {
		return err
	}
	h.exchanges.wait.Go(func() { r.run(h.exchanges.ended) })
	return nil
}

// run ends with Close.
func (r *reach) run(ctx context.Context) {
	check := time.NewTicker(r.host.config.Bounds.RelayCheck)
	defer check.Stop()
	for open := true; open; {
		select {
		case changed, ok := <-r.watched.Out():
			if open = ok; !ok {
				continue
			}
			seen := changed.(event.EvtHostReachableAddrsChanged)
			switch {
			case len(seen.Reachable) > 0:
				r.found(Always)
			case len(seen.Unreachable) > 0:
				r.found(Never)
			}
		case <-check.C:
		}
		if err := r.mind(ctx); err != nil && ctx.Err() == nil {
			r.host.config.Log.Warn("the node may not be reached", "err", err)
		}
	}
	if err := errors.Join(r.service.run(false), r.reservations.close()); err != nil {
		r.host.config.Log.Warn("the relay did not end", "err", err)
	}
}

// found takes in what others say. Through a relay, a node is reached by those
// who cannot dial it, but not as well: it still says that it cannot be dialled.
func (r *reach) found(dialable Choice) {
	r.dialable = dialable
	r.host.exchanges.reached(messages.ReachFound{Undialable: dialable == Never})
}

// mind does about it what is wanted.
func (r *reach) mind(ctx context.Context) error {
	c := r.host.config
	if c.RelayOthers != Never {
		if err := r.service.run(c.RelayOthers == Always || r.dialable == Always); err != nil {
			return err
		}
	}
	if c.Relayed == Never {
		return nil
	}
	return r.reservations.keep(ctx, r.dialable == Never)
}

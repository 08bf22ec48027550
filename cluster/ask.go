package cluster

import (
	"context"
	"fmt"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/port"
)

// inner is a request that came over another lane than ours, and that awaits a
// response.
type inner struct {
	port     *Port
	response chan messages.Packet // closed when there will be none
}

// Ask puts a request to this node's own actors, as a peer does over a stream,
// and waits for the response. That is how lanes of other protocols serve: what
// a node gives away is decided in one place. The bytes of the response are
// shared, and only to be read. Nobody is named as the asker: who it is may have
// no ID as a node.
func (h *Host) Ask(
	ctx context.Context, protocol messages.Protocol, packet messages.Packet,
) (messages.Packet, error) {
	x := h.exchanges
	x.mu.Lock()
	handler := x.handlers[protocol]
	if x.closed || handler == nil || len(x.served)+len(x.inner) >= x.bounds.ExchangesMax {
		x.mu.Unlock()
		return messages.Packet{}, port.ErrUnreachable
	}
	x.serial++
	exchange := messages.Exchange(x.serial)
	asked := &inner{port: handler, response: make(chan messages.Packet, 1)}
	x.inner[exchange] = asked
	x.mu.Unlock()
	defer func() {
		x.mu.Lock()
		defer x.mu.Unlock()
		delete(x.inner, exchange)
	}()
	handler.answer(messages.PacketReceived{
		Protocol: protocol, Packet: packet, Exchange: exchange,
	})
	select {
	case response, ok := <-asked.response:
		if !ok {
			return messages.Packet{}, port.ErrUnreachable
		}
		return response, nil
	case <-ctx.Done():
		return messages.Packet{}, fmt.Errorf("%w: %w", port.ErrTimeout, ctx.Err())
	}
}

// respondWithin answers a request of Ask; false if it is none. exchanges.mu is
// held.
func (x *exchanges) respondWithin(
	p *Port, exchange messages.Exchange, packet messages.Packet,
) bool {
	asked := x.inner[exchange]
	if asked == nil {
		return false
	}
	if asked.port == p && !p.closed {
		delete(x.inner, exchange)
		asked.response <- packet
	}
	return true
}

// forgetWithin ends the requests of Ask that a port owes a response; those of
// all ports if p is nil. exchanges.mu is held.
func (x *exchanges) forgetWithin(p *Port) {
	for exchange, asked := range x.inner {
		if p == nil || asked.port == p {
			delete(x.inner, exchange)
			close(asked.response)
		}
	}
}

package cluster

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	pubsub "github.com/libp2p/go-libp2p-pubsub"
	"github.com/libp2p/go-libp2p/core/peer"
	"golang.org/x/time/rate"

	"github.com/noisefs/noisefs/messages"
)

// Bounds of gossip.
const (
	// envelopeBytes is more than the signature, author, number and topic of a
	// message take.
	envelopeBytes = 4 << 10
	// authorsMax bounds the authors of one topic whose rate is known; the one
	// that was silent for longest is forgotten first.
	authorsMax = 16 << 10
	// neighboursMax bounds the neighbours that it is known of how many authors
	// they brought; connections are fewer, and who is forgotten first was silent
	// for longest.
	neighboursMax = 4 << 10
	// seenFor is for how long a message is known again. A summary may be
	// published again by whoever kept it until its window has passed.
	seenFor = 30 * time.Minute
	// validations bounds the messages that are checked at one time, and
	// waitingValidations those that wait for it; more are dropped.
	validations        = 4
	waitingValidations = 64
	// unpublishedMax bounds what waits to be published; more is dropped.
	unpublishedMax = 16
	// meshWait is how long a message waits until there is somebody to pass it on:
	// at a start, what is published before is heard by nobody.
	meshWait = 10 * time.Second
)

// gossips spreads messages by topic.
type gossips struct {
	host  *Host
	sub   *pubsub.PubSub
	ended context.Context
	end   context.CancelFunc
	wait  sync.WaitGroup
	out   chan publication

	mu     sync.Mutex
	topics map[string]*topicState
	closed bool
}

// publication is a message on its way out.
type publication struct {
	topic   *pubsub.Topic
	payload []byte
	options []pubsub.PubOpt
}

// topicState is a topic that this node may take part in.
type topicState struct {
	rules   *Topic
	authors *lru.Cache[messages.NodeID, *rate.Limiter]
	// bringers has how many new authors each neighbour may still bring.
	bringers *lru.Cache[peer.ID, *rate.Limiter]
	topic    *pubsub.Topic // nil: not joined yet
	heard    bool          // somebody has subscribed: for good
	hearers  []*Port
}

func newGossips(h *Host) (*gossips, error) {
	g := &gossips{
		host: h, topics: make(map[string]*topicState), out: make(chan publication, unpublishedMax),
	}
	var names []string
	for i := range h.config.Topics {
		t := &h.config.Topics[i]
		authors, err := lru.New[messages.NodeID, *rate.Limiter](authorsMax)
		if err != nil {
			return nil, fmt.Errorf("cluster: %w", err)
		}
		bringers, err := lru.New[peer.ID, *rate.Limiter](neighboursMax)
		if err != nil {
			return nil, fmt.Errorf("cluster: %w", err)
		}
		g.topics[t.Name] = &topicState{rules: t, authors: authors, bringers: bringers}
		names = append(names, t.Name)
	}
	g.ended, g.end = context.WithCancel(context.Background())
	sub, err := pubsub.NewGossipSub(g.ended, h.host,
		pubsub.WithMessageSignaturePolicy(pubsub.StrictSign),
		pubsub.WithFloodPublish(false), // it would show who wrote it
		pubsub.WithPeerExchange(false),
		pubsub.WithMaxMessageSize(messages.GossipMax+envelopeBytes),
		pubsub.WithSubscriptionFilter(pubsub.NewAllowlistSubscriptionFilter(names...)),
		pubsub.WithSeenMessagesTTL(seenFor),
		pubsub.WithValidateThrottle(validations),
		pubsub.WithValidateQueueSize(waitingValidations),
		pubsub.WithPeerScore(scoring(h.config.Topics)),
	)
	if err != nil {
		g.end()
		return nil, fmt.Errorf("cluster: gossip: %w", err)
	}
	g.sub = sub
	for name, t := range g.topics {
		if err := sub.RegisterTopicValidator(name, g.validate(t),
			pubsub.WithValidatorInline(true)); err != nil {
			g.end()
			return nil, fmt.Errorf("cluster: gossip: %w", err)
		}
	}
	g.wait.Go(g.publish)
	return g, nil
}

// scoring says what peers lose by. How many messages they bring is of no
// account: there are few, and silence is no fault. The numbers are a matter of
// judgement, not measured.
// Source: https://github.com/libp2p/specs/blob/master/pubsub/gossipsub/gossipsub-v1.1.md
func scoring(
	of []Topic,
) (*pubsub.PeerScoreParams, *pubsub.PeerScoreThresholds) {
	loopback := []*net.IPNet{
		{IP: net.IPv4(127, 0, 0, 0).To4(), Mask: net.CIDRMask(8, 32)},
		{IP: net.IPv6loopback, Mask: net.CIDRMask(128, 128)},
	}
	topics := make(map[string]*pubsub.TopicScoreParams)
	for _, t := range of {
		topics[t.Name] = &pubsub.TopicScoreParams{
			SkipAtomicValidation: true, TopicWeight: 1,
			TimeInMeshWeight: 0.01, TimeInMeshQuantum: time.Second, TimeInMeshCap: 3600,
			InvalidMessageDeliveriesWeight: -100,
			InvalidMessageDeliveriesDecay:  pubsub.ScoreParameterDecay(time.Hour),
		}
	}
	return &pubsub.PeerScoreParams{
		Topics: topics, TopicScoreCap: 50,
		AppSpecificScore:            func(peer.ID) float64 { return 0 },
		IPColocationFactorWeight:    -10,
		IPColocationFactorThreshold: 4,
		IPColocationFactorWhitelist: loopback,
		BehaviourPenaltyWeight:      -10, BehaviourPenaltyThreshold: 6,
		BehaviourPenaltyDecay: pubsub.ScoreParameterDecay(time.Hour),
		DecayInterval:         time.Minute, DecayToZero: 0.01, RetainScore: 6 * time.Hour,
	}, &pubsub.PeerScoreThresholds{
		GossipThreshold: -100, PublishThreshold: -500, GraylistThreshold: -1000,
		AcceptPXThreshold: 100, OpportunisticGraftThreshold: 1,
	}
}

// validate makes the check that every message of a topic passes before it is
// heard or passed on. Its signature was checked before.
func (g *gossips) validate(t *topicState) pubsub.ValidatorEx {
	return func(_ context.Context, from peer.ID, m *pubsub.Message) pubsub.ValidationResult {
		author, err := nodeOf(m.GetFrom())
		if err != nil {
			return pubsub.ValidationReject
		}
		if !t.authors.Contains(author) && !t.brings(from) {
			return pubsub.ValidationIgnore // it may not have heard as many before
		}
		err = t.rules.judge(time.Now(), t.limiter(author), m.GetData())
		switch {
		case err == nil:
			return pubsub.ValidationAccept
		case errors.Is(err, errStale):
			return pubsub.ValidationIgnore
		}
		return pubsub.ValidationReject
	}
}

// brings reports whether a neighbour may bring one more new author.
func (t *topicState) brings(from peer.ID) bool {
	every := rate.Every(t.rules.AuthorEvery)
	return limiterOf(t.bringers, from, every, t.rules.Authors).Allow()
}

// limiter returns what an author may still say.
func (t *topicState) limiter(author messages.NodeID) *rate.Limiter {
	return limiterOf(t.authors, author, rate.Every(t.rules.Every), t.rules.Burst)
}

// limiterOf returns somebody's limiter, which it makes if there is none.
func limiterOf[K comparable](
	of *lru.Cache[K, *rate.Limiter], who K, every rate.Limit, burst int,
) *rate.Limiter {
	fresh := rate.NewLimiter(every, burst)
	known, found, _ := of.PeekOrAdd(who, fresh)
	if !found {
		return fresh
	}
	of.Get(who) // it was not silent
	return known
}

// join joins a topic; nil if there is no such topic. gossips.mu is held.
func (g *gossips) join(name string) *topicState {
	t := g.topics[name]
	if g.closed || t == nil {
		return nil
	}
	if t.topic == nil {
		topic, err := g.sub.Join(name)
		if err != nil {
			g.host.config.Log.Warn("A topic cannot be joined", "topic", name, "error", err)
			return nil
		}
		t.topic = topic
	}
	return t
}

// Publish implements [port.Gossip].
func (p *Port) Publish(name string, payload []byte) {
	g := p.host.gossip
	if len(payload) > messages.GossipMax {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	t := g.join(name)
	if t == nil {
		return
	}
	out := publication{topic: t.topic, payload: slices.Clone(payload)}
	if t.heard { // and so there will be a mesh
		out.options = append(out.options, pubsub.WithReadiness(pubsub.MinTopicSize(1)))
	}
	select {
	case g.out <- out:
	default:
	}
}

// publish signs and sends what is to be published, until the node ends.
func (g *gossips) publish() {
	for {
		select {
		case p := <-g.out:
			ctx, cancel := context.WithTimeout(g.ended, meshWait)
			if err := p.topic.Publish(ctx, p.payload, p.options...); err != nil {
				g.host.config.Log.Debug("Gossip was not published", "topic", p.topic, "error", err)
			}
			cancel()
		case <-g.ended.Done():
			return
		}
	}
}

// Subscribe implements [port.Gossip]. The node stays subscribed when the
// incarnation ends, so that the next one hears at once.
func (p *Port) Subscribe(name string) {
	g := p.host.gossip
	g.mu.Lock()
	defer g.mu.Unlock()
	t := g.join(name)
	if t == nil || slices.Contains(t.hearers, p) {
		return
	}
	if !t.heard {
		subscription, err := t.topic.Subscribe()
		if err != nil {
			g.host.config.Log.Warn("A topic cannot be heard", "topic", name, "error", err)
			return
		}
		t.heard = true
		g.wait.Go(func() { g.hear(t, subscription) })
	}
	t.hearers = append(t.hearers, p)
}

// hear passes on what is said of a topic, until the node ends.
func (g *gossips) hear(t *topicState, subscription *pubsub.Subscription) {
	defer subscription.Cancel()
	for {
		m, err := subscription.Next(g.ended)
		if err != nil {
			return
		}
		author, err := nodeOf(m.GetFrom())
		if err != nil || author == g.host.self {
			continue
		}
		g.mu.Lock()
		hearers := slices.Clone(t.hearers)
		g.mu.Unlock()
		for _, p := range hearers {
			p.answer(messages.GossipReceived{
				Topic: t.rules.Name, Author: author, Payload: m.GetData(),
			})
		}
	}
}

// forget ends the subscriptions of a port.
func (g *gossips) forget(p *Port) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, t := range g.topics {
		t.hearers = slices.DeleteFunc(t.hearers, func(other *Port) bool { return other == p })
	}
}

// close ends all subscriptions, and waits.
func (g *gossips) close() {
	g.mu.Lock()
	g.closed = true
	g.mu.Unlock()
	g.end()
	g.wait.Wait()
}

package wire

import (
	"errors"
	"math"
	"slices"
	"testing"

	"github.com/noisefs/noisefs/messages"
)

func sameRequest(a, b ReplicaRequest) bool {
	return a.Kind == b.Kind && slices.Equal(a.Items, b.Items)
}

func fullReplicaRequest() ReplicaRequest {
	request := ReplicaRequest{Kind: ReplicaPush}
	for i := range ReplicaItemsMax {
		item := ReplicaItem{CID: messages.CID{byte(i), 9}, Until: 1 << 32}
		request.Items = append(request.Items, item)
	}
	return request
}

func TestReplicaMessagesComeBack(t *testing.T) {
	request := fullReplicaRequest()
	request.Items[3].Until = 0
	got, err := DecodeReplicaRequest(request.Append(nil))
	if err != nil || !sameRequest(got, request) {
		t.Errorf("got %+v, %v; want %+v", got, err, request)
	}
	response := ReplicaResponse{Verdicts: []ReplicaVerdict{
		ReplicaHeld, ReplicaWanted, ReplicaComing, ReplicaRefused, ReplicaBusy,
	}}
	back, err := DecodeReplicaResponse(response.Append(nil))
	if err != nil || !slices.Equal(back.Verdicts, response.Verdicts) {
		t.Errorf("got %+v, %v; want %+v", back, err, response)
	}
}

func TestReplicaMessagesRefuse(t *testing.T) {
	cid := messages.CID{7}
	item := func(b []byte) []byte { return appendBytes(appendUint(nil, 1, 1), 2, b) }
	full := fullReplicaRequest()
	full.Items = append(full.Items, ReplicaItem{CID: cid})
	request := func(b []byte) error { _, err := DecodeReplicaRequest(b); return err }
	response := func(b []byte) error { _, err := DecodeReplicaResponse(b); return err }
	late := appendUint(appendBytes(nil, 1, cid[:]), 2, math.MaxUint64)
	for name, test := range map[string]struct {
		decode func([]byte) error
		input  []byte
		want   error
	}{
		"Empty":         {request, nil, ErrMalformed},
		"NoItems":       {request, appendUint(nil, 1, 1), ErrMalformed},
		"NoKind":        {request, item(appendBytes(nil, 1, cid[:]))[2:], ErrMalformed},
		"BadKind":       {request, appendUint(nil, 1, 3), ErrTooLarge},
		"NoCID":         {request, item(appendUint(nil, 2, 5)), ErrMalformed},
		"ShortCID":      {request, item(appendBytes(nil, 1, "short")), ErrMalformed},
		"ForEver":       {request, item(late), ErrTooLarge},
		"TooMany":       {request, full.Append(nil), ErrTooLarge},
		"CutOff":        {request, full.Append(nil)[:60], ErrMalformed},
		"EmptyResponse": {response, nil, ErrMalformed},
		"ZeroVerdict":   {response, appendBytes(nil, 1, []byte{1, 0}), ErrMalformed},
		"BadVerdict":    {response, appendBytes(nil, 1, []byte{6}), ErrMalformed},
		"LongResponse":  {response, appendBytes(nil, 1, make([]byte, 65)), ErrTooLarge},
	} {
		t.Run(name, func(t *testing.T) {
			if err := test.decode(test.input); !errors.Is(err, test.want) {
				t.Errorf("got %v, want %v", err, test.want)
			}
		})
	}
}

func FuzzReplicaRequest(f *testing.F) {
	f.Add(fullReplicaRequest().Append(nil))
	f.Add(ReplicaRequest{Kind: ReplicaOffer, Items: []ReplicaItem{{Until: 5}}}.Append(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := DecodeReplicaRequest(b)
		if err != nil {
			return
		}
		if len(m.Items) > ReplicaItemsMax {
			t.Fatalf("%d items", len(m.Items))
		}
		if again, err := DecodeReplicaRequest(m.Append(nil)); err != nil || !sameRequest(again, m) {
			t.Errorf("%+v became %+v, %v", m, again, err)
		}
	})
}

func FuzzReplicaResponse(f *testing.F) {
	f.Add(ReplicaResponse{Verdicts: []ReplicaVerdict{ReplicaHeld, ReplicaBusy}}.Append(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := DecodeReplicaResponse(b)
		if err != nil {
			return
		}
		again, err := DecodeReplicaResponse(m.Append(nil))
		if err != nil || !slices.Equal(again.Verdicts, m.Verdicts) {
			t.Errorf("%+v became %+v, %v", m, again, err)
		}
	})
}

package wire

import (
	"errors"
	"testing"
	"time"

	"github.com/noisefs/noisefs/messages"
)

func TestBlockMessagesComeBack(t *testing.T) {
	request := BlockRequest{CID: messages.CID{1, 2, 3}, Urgency: messages.UrgencyLater}
	if got, err := DecodeBlockRequest(request.Append(nil)); err != nil || got != request {
		t.Errorf("got %+v, %v; want %+v", got, err, request)
	}
	request.Presence = true
	if got, err := DecodeBlockRequest(request.Append(nil)); err != nil || got != request {
		t.Errorf("got %+v, %v; want %+v", got, err, request)
	}
	response := BlockResponse{Status: BlockBusy, Load: 17, Wait: 1500 * time.Millisecond}
	if got, err := DecodeBlockResponse(response.Append(nil)); err != nil || got != response {
		t.Errorf("got %+v, %v; want %+v", got, err, response)
	}
}

func TestBlockMessagesSkipWhatIsNew(t *testing.T) {
	newer := appendBytes(BlockResponse{Status: BlockServed}.Append(nil), 99, "from the future")
	got, err := DecodeBlockResponse(newer)
	if err != nil || got.Status != BlockServed {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestBlockMessagesRefuse(t *testing.T) {
	cid := messages.CID{7}
	for name, test := range map[string]struct {
		decode func([]byte) error
		input  []byte
		want   error
	}{
		"EmptyRequest":  {requestError, nil, ErrMalformed},
		"ShortCID":      {requestError, appendBytes(nil, 1, "short"), ErrMalformed},
		"LongCID":       {requestError, appendBytes(nil, 1, make([]byte, 33)), ErrTooLarge},
		"BadUrgency":    {requestError, appendUint(appendBytes(nil, 1, cid[:]), 2, 9), ErrTooLarge},
		"BadPresence":   {requestError, appendUint(appendBytes(nil, 1, cid[:]), 3, 2), ErrTooLarge},
		"EmptyResponse": {responseError, nil, ErrMalformed},
		"BadStatus":     {responseError, appendUint(nil, 1, 9), ErrTooLarge},
		"CutOff":        {requestError, BlockRequest{CID: cid}.Append(nil)[:20], ErrMalformed},
	} {
		t.Run(name, func(t *testing.T) {
			if err := test.decode(test.input); !errors.Is(err, test.want) {
				t.Errorf("got %v, want %v", err, test.want)
			}
		})
	}
}

func requestError(b []byte) error  { _, err := DecodeBlockRequest(b); return err }
func responseError(b []byte) error { _, err := DecodeBlockResponse(b); return err }

func FuzzBlockRequest(f *testing.F) {
	f.Add(BlockRequest{CID: messages.CID{1}, Urgency: messages.UrgencySoon}.Append(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := DecodeBlockRequest(b)
		if err != nil {
			return
		}
		if again, err := DecodeBlockRequest(m.Append(nil)); err != nil || again != m {
			t.Errorf("%+v became %+v, %v", m, again, err)
		}
	})
}

func FuzzBlockResponse(f *testing.F) {
	f.Add(BlockResponse{Status: BlockServed, Load: 3}.Append(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := DecodeBlockResponse(b)
		if err != nil {
			return
		}
		if again, err := DecodeBlockResponse(m.Append(nil)); err != nil || again != m {
			t.Errorf("%+v became %+v, %v", m, again, err)
		}
	})
}
